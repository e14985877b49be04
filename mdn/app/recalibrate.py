"""The recalibration of a trained model on the validation rows, kept in its best checkpoint."""

from functools import partial

import torch
from lightning.pytorch import Trainer

from mdn.data.seeds import generator
from mdn.data.table import Table
from mdn.metrics import grid_nll, nll
from mdn.model.checkpoint import CARD, read_checkpoint, write_checkpoint
from mdn.model.evaluation_mode import evaluation_mode
from mdn.model.model import Model
from mdn.model.recalibration import best_dispersion
from mdn.report.grid_scores import grid_steps
from mdn.training.callbacks.best_and_last import best_path

_MOST_ROWS = 20_000
"""Rows that tell one factor to half a percent."""


def recalibrate(model: Model, table: Table) -> None:
    """Make the model answer as wide about its means as suits some rows best, drawn if many.

    Of rounded targets the score is that of their cells: by the density it would pay to be narrow.
    """
    some = table[torch.randperm(len(table), generator=generator("recalibration"))[:_MOST_ROWS]]
    with evaluation_mode(model):
        mixture = model(some.x)
    steps = grid_steps(model, table)
    step = table.y.new_tensor([steps.get(name, 0.0) for name in table.target_names])
    score = partial(grid_nll, step=step) if steps else nll
    model.recalibrate(best_dispersion(mixture, some.y, some.weight, score))


def keep_recalibration(trainer: Trainer, model: Model) -> None:
    """Write the recalibration of a model into its best checkpoint, where one was kept."""
    best = best_path(trainer)
    if best and trainer.is_global_zero:
        write_checkpoint(read_checkpoint(best) | {CARD: model.card.plain()}, best)

"""Numbers that rows decide which a network has not learned from: what a recipe calls `HeldOut`.

The length of the training is decided on the way, by checkpoints and early stopping on the rows
held out; what is here is decided after it.
"""

from collections.abc import Mapping
from functools import partial

import torch
from lightning.pytorch import Trainer
from torch import Tensor

from mdn.data.seeds import generator
from mdn.data.table import Table
from mdn.distributions.open_settings import HeldOut
from mdn.metrics import grid_nll, nll
from mdn.model.card import LEAST_RECALIBRATION, MOST_RECALIBRATION
from mdn.model.checkpoint import CARD, JOINT, WEIGHTS, Checkpoint, read_checkpoint, write_checkpoint
from mdn.model.model import Model
from mdn.model.recalibration import best_dispersion
from mdn.training.adjust import adjust
from mdn.training.base_recipe import BaseRecipe
from mdn.training.callbacks.best_and_last import best_path
from mdn.training.candidates import Candidates
from mdn.training.datamodule import TableModule
from mdn.training.held_out import predicted
from mdn.training.mixture_module import MixtureModule
from mdn.training.rare_components import add_rare_components

_MOST_ROWS = 20_000
"""Rows that tell one factor to half a percent."""

RECALIBRATION = HeldOut(LEAST_RECALIBRATION, MOST_RECALIBRATION)
"""The range within which the spread is multiplied, where nobody says another."""


def choose(module: MixtureModule, recipe: BaseRecipe, data: TableModule, trainer: Trainer) -> None:
    """Give a module its best weights and what rows held out decide, and write that down.

    Args:
        module: after its fit.
        recipe: without open settings, but for those that rows held out decide.
        data: the rows.
        trainer: of the fit, with its checkpoints.
    """
    best = best_path(trainer)
    if best:
        module.load_state_dict(as_trained(read_checkpoint(best), module))
    add_rare_components(recipe, module.model, data.train_table.sample, data.val_table)
    if recipe.recalibration != 1:
        recalibrate(module.model, data.val_table, recipe.recalibration)
    module.half_spreads = adjust(module.model, recipe, data)
    module.candidates = Candidates()
    keep_choices(trainer, module)


def recalibrate(model: Model, table: Table, factor: float | HeldOut = RECALIBRATION) -> None:
    """Make a model answer as wide about its means as some rows ask for, or as a number says.

    Args:
        model: a trained one.
        table: rows of `TableModule.val_table`, drawn from if they are many.
        factor: of the spread, or the range to choose it from.
    """
    model.recalibrate(_chosen(model, table, factor) if isinstance(factor, HeldOut) else factor)


def _chosen(model: Model, table: Table, within: HeldOut) -> float:
    """Rounded targets are scored by their cells; the density would reward narrow spikes."""
    table = _whole(table)
    some = table[torch.randperm(len(table), generator=generator("recalibration"))[:_MOST_ROWS]]
    mixture = predicted(model, some).mixture
    seen = model.card.grid
    steps = table.profile.rounded_targets if seen is None else seen
    step = table.y.new_tensor([steps.get(name, 0.0) for name in table.target_names])
    score = partial(grid_nll, step=step) if steps else nll
    return best_dispersion(mixture, some.y, some.weight, score, (within.least, within.most))


def _whole(table: Table) -> Table:
    whole = table.whole()
    if not len(whole):
        raise ValueError(
            "a recalibration takes rows with every target, and each row that was held back lacks "
            "one; leave the recalibration out, or hold back other rows"
        )
    return whole


def as_trained(checkpoint: Checkpoint, module: MixtureModule) -> Mapping[str, Tensor]:
    """Return the weights of a best checkpoint as training left them.

    A run that is gone on with finds them beside those that were chosen after training. Where all
    networks hold out the same rows, `BestMembers` has chosen between the two.
    """
    weights = checkpoint[WEIGHTS]
    return checkpoint.get(JOINT, weights) if module.cross_fitted else weights


def keep_choices(trainer: Trainer, module: MixtureModule) -> None:
    """Write what was decided after training into the best checkpoint, where one was kept."""
    best = best_path(trainer)
    if not best or not trainer.is_global_zero:
        return
    before = read_checkpoint(best)
    chosen = _chosen_parts(before, module)
    if any(before.get(key) is not value for key, value in chosen.items() if key != CARD) or (
        before[CARD] != chosen[CARD]
    ):
        rest = {key: value for key, value in before.items() if key != JOINT}
        write_checkpoint(rest | chosen, best)


def _chosen_parts(before: Checkpoint, module: MixtureModule) -> dict[str, object]:
    """The parts of a checkpoint that choices change."""
    card = module.model.card
    trained = as_trained(before, module)
    if not (card.rare_components or card.spread_refitted):
        joint = {} if module.cross_fitted or JOINT not in before else {JOINT: before[JOINT]}
        return {CARD: card.plain(), WEIGHTS: trained, **joint}
    # A run that goes on compares with the weights as training left them.
    weights = {name: each.cpu() for name, each in module.state_dict().items()}
    return {CARD: card.plain(), WEIGHTS: weights, JOINT: before.get(JOINT, before[WEIGHTS])}

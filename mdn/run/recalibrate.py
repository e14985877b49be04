"""The recalibration of a trained model on the validation rows, kept in its best checkpoint."""

from functools import partial

from lightning.pytorch import Trainer

from mdn.callbacks.checkpoint import AtomicCheckpointIO
from mdn.callbacks.evaluating import evaluating
from mdn.data.table import Table
from mdn.metrics import grid_nll, nll
from mdn.mixture_module import MixtureModule
from mdn.recalibration import best_dispersion
from mdn.report.grids import grid_steps
from mdn.run.build import read_checkpoint


def recalibrate(module: MixtureModule, table: Table) -> None:
    """Make the module answer as wide about its means as suits some rows best.

    Of rounded targets the score is that of their cells: by the density it would pay to be narrow.
    """
    with evaluating(module):
        mixture = module(table.x)
    steps = grid_steps(module, table)
    step = table.y.new_tensor([steps.get(name, 0.0) for name in table.target_names])
    score = partial(grid_nll, step=step) if steps else nll
    module.recalibrate(best_dispersion(mixture, table.y, table.weight, score))


def keep_recalibration(trainer: Trainer, module: MixtureModule) -> None:
    """Write the recalibration of a module into its best checkpoint, where one was kept."""
    best = getattr(trainer.checkpoint_callback, "best_model_path", "")
    if best and trainer.is_global_zero:
        checkpoint = read_checkpoint(best) | {"mdn": module.recipe}
        AtomicCheckpointIO().save_checkpoint(checkpoint, best)

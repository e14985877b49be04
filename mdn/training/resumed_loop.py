"""A fit that goes on from the end of its last epoch: what follows on that epoch is still to do.

A run may be killed behind its last epoch, while callbacks end the fit or in its test. Lightning
finds no epoch left and leaves out the hooks at the end of the training as well.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import cast

from lightning.pytorch import Trainer
from lightning.pytorch.loops.fit_loop import _FitLoop
from lightning.pytorch.loops.progress import _ProcessedTracker

from mdn.model.checkpoint import OVERRIDES, read_checkpoint, write_checkpoint

STOPPED = "mdn_stopped"
"""Where a checkpoint keeps whether the fit had been told to end, as early stopping does."""


def was_stopped(checkpoint: Mapping[str, object], kept: Mapping[str, object]) -> bool:
    """Tell whether a fit was told to end by settings that still hold.

    Args:
        checkpoint: the one to go on from.
        kept: what the checkpoints of this run keep beside the card.
    """
    before, now = (_settings(each) for each in (checkpoint, kept))
    return bool(checkpoint.get(STOPPED)) and before == now


def _settings(kept: Mapping[str, object]) -> list[str]:
    overrides = kept.get(OVERRIDES)
    return sorted(map(str, overrides)) if isinstance(overrides, list) else []


def end_resumed_fits(trainer: Trainer) -> None:
    """Have a fit that is resumed at its end call the hooks that follow on the last epoch."""
    own, usual = _ResumedLoop(trainer), trainer.fit_loop
    own.min_epochs, own.max_epochs = usual.min_epochs, usual.max_epochs
    own.epoch_loop = usual.epoch_loop
    trainer.fit_loop = own


def bring_along(loaded: Path, path: Path, trainer: Trainer) -> None:
    """Write the checkpoint that a fit has gone on from as one of its own; all processes call it.

    Args:
        loaded: the checkpoint.
        path: where to.
        trainer: at the end of a fit that had no epoch left.
    """
    checkpoint = {**read_checkpoint(loaded)}
    trainer.lightning_module.on_save_checkpoint(checkpoint)
    if trainer.is_global_zero:
        write_checkpoint(checkpoint, path)
    trainer.strategy.barrier()


class _ResumedLoop(_FitLoop):
    @property
    def skip(self) -> bool:
        no_batch = self.max_batches == 0 or self.trainer.limit_train_batches == 0
        return no_batch or (super().skip and not self.is_resuming)

    def reset(self) -> None:
        super().reset()
        if self.is_resuming and self.done:  # where steps are the limit, Lightning does not count it
            counts = cast(_ProcessedTracker, self.epoch_progress.current)
            counts.completed = counts.processed

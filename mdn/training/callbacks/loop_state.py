"""Lightning's loops in a checkpoint that is written behind a training batch.

In the hook at its end Lightning counts a batch as processed and not as completed. A run that goes
on from there completes it and takes the next one, which is right in the middle of an epoch. But
behind the last batch it takes the epoch for over, and leaves out its validation and what callbacks
do at its end. So there the loops are written as they are when validation has begun and no batch of
it is done: Lightning then begins it anew. That is what is written in the middle of a validation,
too, whose sums begin anew with it.
"""

from typing import Any

from lightning.pytorch import Trainer

_BATCHES = "epoch_loop.batch_progress"
_VALIDATION = "epoch_loop.val_loop.batch_progress"


def stand_behind_batch(trainer: Trainer, loops: dict[str, Any]) -> None:
    """Have a run that is resumed begin with what comes behind the batch.

    Args:
        trainer: in a hook at the end of a training batch, or in one of a validation.
        loops: the state of its `fit_loop`, which is changed.
    """
    validates = trainer.validating or _validation_is_due(trainer)
    if validates or trainer.is_last_batch:
        for counts in (loops[_BATCHES]["total"], loops[_BATCHES]["current"]):
            counts["completed"] = counts["processed"]
    if validates:
        begun = {"ready": 1, "started": 1, "processed": 0, "completed": 0}
        loops[_VALIDATION] = {"total": {**begun}, "current": {**begun}, "is_last_batch": False}
    elif trainer.is_last_batch:
        _end_epoch(loops)


def _validation_is_due(trainer: Trainer) -> bool:
    """Tell whether validation follows; a stop that is asked for makes Lightning say so always."""
    stops, trainer.should_stop = trainer.should_stop, False
    try:
        loop = trainer.fit_loop
        assert loop._data_fetcher is not None
        return loop.epoch_loop._should_check_val_fx(loop._data_fetcher)
    finally:
        trainer.should_stop = stops


def _end_epoch(loops: dict[str, Any]) -> None:
    """Leave no batch: Lightning asks for one before it sees that the epoch is over."""
    loops["epoch_loop.state_dict"]["_batches_that_stepped"] += 1
    for state in loops["state_dict"].get("combined_loader", []):
        if "batches" in state:
            state["batch"] = state["batches"]

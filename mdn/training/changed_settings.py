"""Settings that are others than in the checkpoint a run goes on from.

Lightning restores the learning rate and the patience of the checkpoint, whatever they are now.
"""

from collections.abc import Mapping, Sequence
from typing import cast

from lightning.pytorch import Trainer
from lightning.pytorch.callbacks import EarlyStopping
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from mdn.model.checkpoint import CARD

GroupSettings = Mapping[str, float]
"""Settings of a parameter group, without its parameters."""


def keep_patience(trainer: Trainer, checkpoint: Mapping[str, object]) -> None:
    """Have early stopping wait for as long as it is told to now."""
    states = cast(Mapping[str, dict[str, object]], checkpoint.get("callbacks", {}))
    for callback in trainer.early_stopping_callbacks:
        if isinstance(callback, EarlyStopping) and callback.state_key in states:
            states[callback.state_key]["patience"] = callback.patience


def optimizes_otherwise(model: Mapping[str, object], checkpoint: Mapping[str, object]) -> bool:
    """Tell whether the optimizer has other settings than in a checkpoint.

    Args:
        model: the recipe as the card of this run has it.
        checkpoint: the one to go on from.
    """
    before = cast(Mapping[str, Mapping[str, object]], checkpoint[CARD])["model"]
    return before.get("optimizer") != model.get("optimizer")


def settings_of_groups(optimizer: Optimizer) -> list[GroupSettings]:
    """Return the settings of the parameter groups of a new optimizer."""
    return [
        {key: value for key, value in group.items() if key != "params"}
        for group in optimizer.param_groups
    ]


def apply_settings(
    optimizer: Optimizer, schedule: LRScheduler, settings: Sequence[GroupSettings]
) -> None:
    """Give a restored optimizer new settings; its rates stay where the schedule has brought them.

    Args:
        optimizer: the restored one.
        schedule: of its learning rates, restored too.
        settings: as they would be at the first step.
    """
    for group, new in zip(optimizer.param_groups, settings, strict=True):
        progress = group["lr"] / group["initial_lr"] if group["initial_lr"] else 1.0
        group.update({**new, "lr": new["initial_lr"] * progress})
    schedule.base_lrs = [new["initial_lr"] for new in settings]
    schedule._last_lr = [group["lr"] for group in optimizer.param_groups]

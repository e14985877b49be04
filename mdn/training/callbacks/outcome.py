"""What callbacks have to say of a fit that is over."""

from typing import Protocol, runtime_checkable

from lightning.pytorch import Trainer

from mdn.training.lightning_parts import callbacks_of


@runtime_checkable
class HasOutcome(Protocol):
    """A callback that adds to `metrics.json`.

    Attributes:
        outcome: what it has to say of the fit, by name; empty where it has nothing to say.
    """

    @property
    def outcome(self) -> dict[str, float | bool]: ...


def outcomes(trainer: Trainer) -> dict[str, float | bool]:
    """Collect what the callbacks of a Trainer have to say of its fit."""
    found: dict[str, float | bool] = {}
    for callback in callbacks_of(trainer):
        if isinstance(callback, HasOutcome):
            found |= callback.outcome
    return found

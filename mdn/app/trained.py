"""Tell how far the run of a checkpoint had come, and whether something is left to do."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from mdn.app.run_directory import read_fit_facts, trained_in

_STATE = {
    "epoch": int,
    "global_step": int,
    "loops": dict,
    "callbacks": dict,
    "optimizer_states": list,
    "lr_schedulers": list,
}
"""What Lightning restores, with its type."""

_STOPPED = (
    "has stopped by itself, after {} epochs: nothing is left to do; change what has stopped it, as "
    "callbacks.early_stopping.patience or model.tol"
)


@dataclass(frozen=True)
class Limits:
    """What ends a run.

    Attributes:
        epochs: the most epochs, or None; negative for no limit.
        steps: the most steps; negative for no limit.
        stopped: whether it was told to end before, by settings that still hold.
    """

    epochs: int | None
    steps: int = -1
    stopped: bool = False


@dataclass(frozen=True)
class Trained:
    """How far the run of a checkpoint had come.

    Attributes:
        epochs: that were over.
        steps: of the optimizer.
        within: whether an epoch was under way.
    """

    epochs: int
    steps: int
    within: bool

    @classmethod
    def of(cls, ckpt_path: str, checkpoint: Mapping[str, object]) -> "Trained":
        """Read a checkpoint.

        Raises:
            ValueError: if it holds no state to go on from.
        """
        for key, kind in _STATE.items():
            if not isinstance(checkpoint.get(key), kind):
                raise ValueError(
                    f"{ckpt_path} holds no state of a run to go on with: its {key} must be of type "
                    f"{kind.__name__}; take the last.ckpt of a run"
                )
        epoch, steps = checkpoint["epoch"], checkpoint["global_step"]
        assert isinstance(epoch, int)
        assert isinstance(steps, int)
        if epoch < 0:
            raise ValueError(f"{ckpt_path} has trained {epoch} epochs, fewer than none")
        done, begun = (_epochs(checkpoint, name) for name in ("processed", "started"))
        # Inside an epoch, and at its end, `epoch` is its number.
        return cls(epoch + 1 if done is None else done, steps, done != begun)

    @property
    def place(self) -> str:
        """Return where a run begins that goes on from there."""
        return f"inside epoch {self.epochs + 1}" if self.within else f"behind epoch {self.epochs}"

    def over(self, limits: Limits) -> str:
        """Say why no epoch is left; nothing where one is."""
        most = {"epochs": limits.epochs, "steps": limits.steps}
        for name, number in most.items():
            now = getattr(self, name)
            if number is not None and 0 <= number <= now:
                return (
                    f"has trained {now} {name} and trainer.max_{name} is {number}: nothing is left "
                    f"to do; raise trainer.max_{name}"
                )
        return _STOPPED.format(self.epochs) if limits.stopped and not self.within else ""

    def was_cut(self, ckpt_path: str, limits: Limits) -> bool:
        """Tell whether a run without an epoch left has still to be scored and tested."""
        beyond = limits.epochs is not None and 0 <= limits.epochs < self.epochs
        # Its last epoch was the last thing that its checkpoint has seen; its metrics tell the rest.
        finished = read_fit_facts(trained_in(Path(ckpt_path))).get("epochs") == self.epochs
        return not (beyond or self.within or finished)


def _epochs(checkpoint: Mapping[str, object], name: str) -> int | None:
    found: object = checkpoint["loops"]
    for key in ("fit_loop", "epoch_progress", "current", name):
        found = found.get(key) if isinstance(found, dict) else None
    return found if isinstance(found, int) else None

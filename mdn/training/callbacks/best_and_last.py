"""The best and the last checkpoint of a run; a crash never leaves half of one."""

import math
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.trainer.states import TrainerFn
from torch import Tensor

from mdn.distributions.checks import check_not_negative
from mdn.model.checkpoint import read_checkpoint
from mdn.training.callbacks.loop_state import stand_behind_batch
from mdn.training.callbacks.watched_module import mixture_module
from mdn.training.callbacks.whole_checkpoint import WholeCheckpoint
from mdn.training.resumed_loop import bring_along


class BestCheckpoint(WholeCheckpoint):
    """The model with the best value of a metric so far; a value that is not finite is never best.

    Where single networks tell the best epoch of their pool, which wants longer training
    (`mdn.fitting.pool_needs`), the file gets the pool's later weights as soon as they are there,
    and those of the last epoch where the training ends before.

    ```yaml
    best_checkpoint:
      _target_: mdn.training.callbacks.best_and_last.BestCheckpoint
      dirpath: ${run_dir}/checkpoints
      filename: best
      monitor: ${monitor}
      mode: min
    ```

    Args:
        dirpath: directory of the file.
        filename: its name, without `.ckpt`.
        monitor: the metric.
        mode: "min" or "max": which value is best.

    Raises:
        ValueError: at the end of a fit in which no value was finite.
    """

    def __init__(
        self,
        dirpath: str,
        filename: str = "best",
        monitor: str = "val/nll",
        mode: str = "min",
    ) -> None:
        # What is scored is saved before the end of the epoch, where components are reset.
        super().__init__(dirpath, filename, monitor, mode, not monitor.startswith("val/"))
        self._refused: Tensor | None = None
        self._due: int | None = None  # how many epochs the weights to keep will be trained for
        self._kept = 0  # and how many those in the file were

    @property
    def outcome(self) -> dict[str, float | bool]:
        """After how many epochs the weights in the file were trained; empty without a file."""
        return {"epochs_kept": self._kept} if self._kept else {}

    def state_dict(self) -> dict[str, object]:
        return {**super().state_dict(), "due": self._due, "kept": self._kept}

    def _take_over(self, earlier: Path, state: Mapping[str, object]) -> None:
        super()._take_over(earlier, state)
        self._due, self._kept = cast(
            tuple[int | None, int], (state.get("due"), state.get("kept", 0))
        )

    def _update_best_and_save(
        self, current: Tensor, trainer: Trainer, monitor_candidates: dict[str, Tensor]
    ) -> None:
        epochs = trainer.current_epoch + 1
        due = round(epochs * mixture_module(trainer.lightning_module).longer_than_best)
        self._due, self._kept = due if due > epochs else None, epochs
        super()._update_best_and_save(current, trainer, monitor_candidates)

    def _save_monitor_checkpoint(
        self, trainer: Trainer, monitor_candidates: dict[str, Tensor]
    ) -> None:
        super()._save_monitor_checkpoint(trainer, monitor_candidates)
        if self._due is not None and trainer.current_epoch + 1 >= self._due:
            self._due, self._kept = None, trainer.current_epoch + 1
            self._save_checkpoint(trainer, self.best_model_path)

    def check_monitor_top_k(self, trainer: Trainer, current: Tensor | None = None) -> bool:
        # Lightning keeps the first model even where its score is NaN.
        if current is not None and not current.isfinite():
            self._refused = current
            return False
        return super().check_monitor_top_k(trainer, current)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        super().on_train_end(trainer, pl_module)
        if self._due is not None and self.best_model_path:  # a resumed run may still reach it
            self._kept = trainer.current_epoch
            self._save_checkpoint(trainer, self.best_model_path)
        if self._refused is not None and not self.best_model_path:
            raise ValueError(
                f"no epoch has a finite {self.monitor}, the last is {self._refused.item()}: there "
                "is no best model to keep; look for validation rows unlike the training rows, or "
                "lower `lr`"
            )


class LastCheckpoint(WholeCheckpoint):
    """The state to resume from: the last epoch, or one not long before a crash.

    Lightning's `save_last` is no substitute: it saves the last epoch only where that is also the
    best. And written every epoch the file can cost a tenth of a run whose epochs are short.

    ```yaml
    last_checkpoint:
      _target_: mdn.training.callbacks.best_and_last.LastCheckpoint
      dirpath: ${run_dir}/checkpoints
      filename: last
      every_seconds: 10
    ```

    Args:
        dirpath: directory of the file.
        filename: its name, without `.ckpt`.
        every_seconds: the least time between two files; the last epoch is always written.
    """

    def __init__(self, dirpath: str, filename: str = "last", every_seconds: float = 10.0) -> None:
        super().__init__(dirpath, filename, None, "min", save_on_train_epoch_end=True)
        check_not_negative("every_seconds", every_seconds)
        self.every_seconds = every_seconds
        self._saved = -math.inf
        self._behind_batch = False

    def save_now(self, trainer: Trainer) -> None:
        """Write the file at once; a run that goes on from it begins behind the last batch.

        All processes must call it together: at the end of a training batch, or in a validation,
        which then begins anew. Where the Trainer does not fit, there is nothing to save.
        """
        if trainer.state.fn == TrainerFn.FITTING and not trainer.sanity_checking:
            self._behind_batch = True
            try:
                trainer.save_checkpoint(self.path, weights_only=False)
            finally:
                self._behind_batch = False

    def on_save_checkpoint(
        self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        if self._behind_batch:
            stand_behind_batch(trainer, checkpoint["loops"]["fit_loop"])

    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        # A resumed run counts a batch that was begun before.
        trainer.fit_loop.epoch_loop.val_loop.batch_progress.total.reset_on_restart()

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        super().on_train_end(trainer, pl_module)
        if self._io.loaded is not None and self._saved == -math.inf:  # no epoch was left
            bring_along(self._io.loaded, self.path, trainer)
            self.best_model_path = str(self.path)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        now = time.monotonic()
        due = now - self._saved >= self.every_seconds or ends(trainer)
        if trainer.strategy.broadcast(due):
            self._saved = now
            super().on_train_epoch_end(trainer, pl_module)


def ends(trainer: Trainer) -> bool:
    """Tell whether an epoch that is over is the last one."""
    epochs, steps = trainer.max_epochs or -1, trainer.max_steps
    return (
        trainer.should_stop
        or 0 <= epochs <= trainer.current_epoch + 1
        or 0 <= steps <= trainer.global_step
    )


def best_path(trainer: Trainer) -> str:
    """Return the path of the best checkpoint of a run so far; empty where none is kept."""
    return getattr(trainer.checkpoint_callback, "best_model_path", "")


def best_so_far(trainer: Trainer) -> str:
    """Say which epoch of a run has been the best, in a sentence to go behind others."""
    best = trainer.checkpoint_callback
    if not (isinstance(best, BestCheckpoint) and Path(best.best_model_path).is_file()):
        return ""
    assert best.best_model_score is not None
    saved = cast(Mapping[str, object], read_checkpoint(best.best_model_path))
    return (
        f". The best checkpoint so far was saved at epoch {saved['epoch']}, {best.monitor} "
        f"{best.best_model_score.item():.4g}"
    )

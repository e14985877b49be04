"""The best and the last checkpoint of a run; a crash never leaves half of one."""

import math
import os
import time
from collections.abc import Mapping
from pathlib import Path
from secrets import token_hex
from typing import Any, cast

from lightning.fabric.plugins import TorchCheckpointIO
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.trainer.states import TrainerFn
from lightning.pytorch.utilities import rank_zero_only, rank_zero_warn
from torch import Tensor

from mdn.data.write import make_folder, write_bytes
from mdn.distributions.checks import check_not_negative
from mdn.model.checkpoint import read_checkpoint, write_checkpoint
from mdn.training.callbacks.loop_state import stand_behind_batch
from mdn.training.callbacks.watched_module import mixture_module
from mdn.training.resumed_loop import bring_along


class SealedCheckpointIO(TorchCheckpointIO):
    """Writes and reads checkpoints as `mdn.model.checkpoint` does: whole, and under a digest.

    Attributes:
        loaded: the checkpoint that was read last.
    """

    loaded: Path | None = None

    def save_checkpoint(
        self, checkpoint: dict[str, object], path: str | os.PathLike, storage_options: object = None
    ) -> None:
        write_checkpoint(checkpoint, Path(path))

    def load_checkpoint(
        self, path: str | os.PathLike, map_location: object = None, weights_only: bool | None = None
    ) -> dict[str, object]:
        self.loaded = Path(path)
        return dict(read_checkpoint(self.loaded))


class WholeCheckpoint(ModelCheckpoint):
    """A checkpoint in one file that is always whole.

    Args:
        dirpath: directory of the file.
        filename: its name, without `.ckpt`.
        monitor: the metric whose best value is kept, or None.
        mode: "min" or "max": which value is best.
        save_on_train_epoch_end: as Lightning has it.
    """

    def __init__(
        self,
        dirpath: str,
        filename: str,
        monitor: str | None,
        mode: str,
        save_on_train_epoch_end: bool | None,
    ) -> None:
        super().__init__(
            dirpath=dirpath,
            filename=filename,
            monitor=monitor,
            mode=mode,
            save_on_train_epoch_end=save_on_train_epoch_end,
            enable_version_counter=False,
        )
        self._run = token_hex(8)  # by which its own files are told from those of another run

    @property
    def state_key(self) -> str:
        # Lightning tells checkpoints apart by what they monitor.
        return f"{super().state_key}{self.filename}"

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        super().setup(trainer, pl_module, stage)
        if not isinstance(trainer.strategy.checkpoint_io, SealedCheckpointIO):
            trainer.strategy.checkpoint_io = SealedCheckpointIO()
        self._io = trainer.strategy.checkpoint_io

    def state_dict(self) -> dict[str, object]:
        return {**super().state_dict(), "run": self._run}

    def load_state_dict(self, state_dict: dict[str, object]) -> None:
        # A run resumed in another directory brings its best model along: the file beside the one
        # that is resumed, whatever path that one names.
        self._run = str(state_dict.get("run", ""))
        assert self._io.loaded is not None
        earlier = self._io.loaded.with_name(self.path.name)
        if self.monitor is None or (
            state_dict["best_model_score"] is None and not earlier.exists()
        ):
            return
        try:
            state = state_of(earlier, self.state_key, self._run)
        except (ValueError, OSError) as error:
            rank_zero_warn(
                f"the best model until now is lost, and the best from here on is kept: {error}"
            )
        else:
            self._take_over(earlier, state)

    def _take_over(self, earlier: Path, state: Mapping[str, object]) -> None:
        here, score = self.path, cast(Tensor, state["best_model_score"])
        if not (here.exists() and here.samefile(earlier)):
            _copy(earlier, here)
        self.best_model_score = self.kth_value = score
        self.best_model_path = self.kth_best_model_path = str(here)
        self.best_k_models = {str(here): score}

    @property
    def path(self) -> Path:
        """Where the file is written."""
        return Path(self.dirpath or "") / f"{self.filename}.ckpt"


def state_of(path: Path, state_key: str, run: str) -> Mapping[str, object]:
    """Return what a best checkpoint keeps of its callback, `best_model_score` for one.

    It may be later than the checkpoint beside it.

    Args:
        path: the checkpoint.
        state_key: of the callback that wrote it.
        run: that it must be of.

    Raises:
        FileNotFoundError: if there is none.
        ValueError: if it is damaged, or of another run.
    """
    callbacks = read_checkpoint(path).get("callbacks")
    state = callbacks.get(state_key) if isinstance(callbacks, dict) else None
    state = state if isinstance(state, dict) else {}
    score = state.get("best_model_score")
    if not isinstance(score, Tensor) or state.get("run", "") != run:
        raise ValueError(f"{path} is of another run than the checkpoint beside it")
    return state


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
        super().__init__(dirpath, filename, monitor, mode, save_on_train_epoch_end=None)
        self._refused: Tensor | None = None
        self._due: int | None = None  # how many epochs the weights to keep have been trained for

    def state_dict(self) -> dict[str, object]:
        return {**super().state_dict(), "due": self._due}

    def _take_over(self, earlier: Path, state: Mapping[str, object]) -> None:
        super()._take_over(earlier, state)
        self._due = cast(int | None, state.get("due"))

    def _update_best_and_save(
        self, current: Tensor, trainer: Trainer, monitor_candidates: dict[str, Tensor]
    ) -> None:
        epochs = trainer.current_epoch + 1
        due = round(epochs * mixture_module(trainer.lightning_module).longer_than_best)
        self._due = due if due > epochs else None
        super()._update_best_and_save(current, trainer, monitor_candidates)

    def _save_monitor_checkpoint(
        self, trainer: Trainer, monitor_candidates: dict[str, Tensor]
    ) -> None:
        super()._save_monitor_checkpoint(trainer, monitor_candidates)
        if self._due is not None and trainer.current_epoch + 1 >= self._due:
            self._due = None
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


@rank_zero_only
def _copy(source: Path, target: Path) -> None:
    make_folder(target.parent)
    write_bytes(source.read_bytes(), target)

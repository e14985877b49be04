"""Checkpoints that are always whole, and told from those of other runs."""

import os
from collections.abc import Mapping
from pathlib import Path
from secrets import token_hex
from typing import cast

from lightning.fabric.plugins import TorchCheckpointIO
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.utilities import rank_zero_only, rank_zero_warn
from torch import Tensor

from mdn.data.write import make_folder, write_bytes
from mdn.model.checkpoint import read_checkpoint, write_checkpoint


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


@rank_zero_only
def _copy(source: Path, target: Path) -> None:
    make_folder(target.parent)
    write_bytes(source.read_bytes(), target)

"""The best and the last checkpoint of a run, written so that a crash leaves no half of one."""

import os
import shutil
from pathlib import Path
from typing import Any

import torch
from lightning.fabric.plugins import TorchCheckpointIO
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.utilities import rank_zero_only


class AtomicCheckpointIO(TorchCheckpointIO):
    """Writes beside the target and renames: under the final name there is only ever a whole file.

    Lightning's own writer goes by way of another directory, where the move is no rename.
    """

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: str | os.PathLike, storage_options: Any = None
    ) -> None:
        path = Path(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        beside = path.with_name(f".{path.name}.part")
        try:
            _write_through(checkpoint, beside)
            os.replace(beside, path)
        finally:
            beside.unlink(missing_ok=True)


def _write_through(checkpoint: dict[str, Any], path: Path) -> None:
    with path.open("wb") as file:
        torch.save(checkpoint, file)
        file.flush()
        os.fsync(file.fileno())


class Checkpoint(ModelCheckpoint):
    """One file, always the same: the best model by `monitor`, or the last one without a monitor.

    ```yaml
    best_checkpoint:
      _target_: mdn.callbacks.checkpoint.Checkpoint
      dirpath: ${run_dir}/checkpoints
      filename: best
      monitor: ${monitor}
      mode: min
      every_n_epochs: 1
    ```

    Lightning's `save_last` is no substitute for a second one of these: it saves the last epoch
    only where that epoch is also the best.

    Args:
        dirpath: directory of the file.
        filename: its name, without `.ckpt`.
        monitor: the metric whose best value is kept, or None for the last epoch.
        mode: "min" or "max", what is best.
        every_n_epochs: how often.
    """

    def __init__(
        self, dirpath: str, filename: str, monitor: str | None, mode: str, every_n_epochs: int
    ) -> None:
        super().__init__(
            dirpath=dirpath,
            filename=filename,
            monitor=monitor,
            mode=mode,
            every_n_epochs=every_n_epochs,
            enable_version_counter=False,
        )

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        super().setup(trainer, pl_module, stage)
        trainer.strategy.checkpoint_io = AtomicCheckpointIO()

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        # A run resumed in a directory of its own brings its best model along; where that is gone,
        # its score is no use either.
        earlier = state_dict["best_model_path"]
        if earlier and os.path.isfile(earlier):
            super().load_state_dict(self._moved(state_dict, earlier))

    def _moved(self, state_dict: dict[str, Any], earlier: str) -> dict[str, Any]:
        here = os.path.join(self.dirpath or "", os.path.basename(earlier))
        if here == earlier:
            return state_dict
        _copy(earlier, here)
        scores = dict(zip([here], state_dict["best_k_models"].values(), strict=False))
        places = dict.fromkeys(("best_model_path", "kth_best_model_path"), here)
        return {**state_dict, **places, "dirpath": self.dirpath, "best_k_models": scores}


@rank_zero_only
def _copy(source: str, target: str) -> None:
    Path(target).parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)

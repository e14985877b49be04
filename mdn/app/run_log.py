"""The TensorBoard log of a run, in one file from fit to test."""

from pathlib import Path

from lightning.pytorch.loggers import TensorBoardLogger
from lightning.pytorch.utilities import rank_zero_only


class RunLog(TensorBoardLogger):
    """A log that stays open from fit to test; Lightning's own begins a new file after each stage.

    An error closes it; otherwise its creator must.

    Args:
        run_dir: directory of the file.
    """

    def __init__(self, run_dir: str | Path) -> None:
        super().__init__(run_dir, name="", version="", default_hp_metric=False)

    @rank_zero_only
    def finalize(self, status: str) -> None:
        if status == "success":
            self.experiment.flush()
            self.save()
        else:
            self.close()

    @rank_zero_only
    def close(self) -> None:
        """Write the rest of the log; anything logged later begins another file."""
        super().finalize("closed")

"""The TensorBoard log of a run, in one file."""

from pathlib import Path

from lightning.pytorch.loggers import TensorBoardLogger
from lightning.pytorch.utilities import rank_zero_only


class RunLog(TensorBoardLogger):
    """Stays open from fit to test: Lightning closes it after each, and what follows is a new file.

    An error closes it; otherwise whoever made it does.

    Args:
        run_dir: where the file is.
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
        """Write what is left; anything logged from now on begins another file."""
        super().finalize("closed")

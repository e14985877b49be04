"""The TensorBoard log of a run, in one file from fit to test."""

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from lightning.fabric.loggers.logger import rank_zero_experiment
from lightning.pytorch.loggers import TensorBoardLogger
from lightning.pytorch.utilities import rank_zero_only

from mdn.app.event_file import EventLog
from mdn.data.write_errors import WriteError


class RunLog(TensorBoardLogger):
    """A log that stays open from fit to test; Lightning's own begins a new file after each stage.

    An error closes it; otherwise its creator must. Lightning's second file, `hparams.yaml`, is left
    out: `config.yaml` says the same.

    Args:
        run_dir: directory of the file.

    Raises:
        WriteError: as soon as something cannot be logged.
    """

    def __init__(self, run_dir: str | Path) -> None:
        super().__init__(run_dir, name="", version="", default_hp_metric=False)

    @property
    @rank_zero_experiment
    def experiment(self) -> EventLog:
        if self._experiment is None:
            self._experiment = EventLog(self.log_dir)
        assert isinstance(self._experiment, EventLog)
        return self._experiment

    @rank_zero_only
    def go_on_behind(self, step: int) -> None:
        """Replace what an earlier run, killed later, may have logged here after a step."""
        self.experiment.start_again(step + 1)

    @rank_zero_only
    def log_metrics(self, metrics: Mapping[str, float | int], step: int | None = None) -> None:
        try:
            super().log_metrics(metrics, step)
        except ValueError as error:  # Lightning takes every error for a value it cannot log
            if isinstance(error.__cause__, WriteError):
                raise error.__cause__ from None
            raise

    @rank_zero_only
    def save(self) -> None:
        pass

    @rank_zero_only
    def finalize(self, status: str) -> None:
        if status != "success":
            with suppress(WriteError):  # the error that ends the run says more
                self.close()

    @rank_zero_only
    def close(self) -> None:
        """Write the rest of the log; anything logged later begins another file."""
        super().finalize("closed")

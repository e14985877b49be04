"""Progress over epochs: a bar on a terminal or in a notebook, a few lines in a log file."""

import math
import time
from collections.abc import Sequence
from importlib.util import find_spec
from typing import Any

from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import EarlyStopping, ProgressBar
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from mdn.distributions.checks import check_at_least


class EpochProgress(ProgressBar):
    """Shows epochs and metrics on the error stream.

    ```yaml
    progress:
      _target_: mdn.training.callbacks.progress.EpochProgress
      monitor: ${monitor}
      metrics: [train/nll, val/nll]
      lines: 10
    ```

    Args:
        monitor: the metric whose smallest value so far is shown as the best.
        metrics: what else is shown.
        lines: about how many lines a full run leaves where there is no terminal.
    """

    def __init__(
        self,
        monitor: str = "val/nll",
        metrics: Sequence[str] = ("train/nll", "val/nll"),
        lines: int = 10,
    ) -> None:
        super().__init__()
        check_at_least("lines", lines, 1)
        self.monitor = monitor
        self.metrics = metrics
        self.lines = lines
        self.console = Console(stderr=True, highlight=False)
        self.best = math.inf
        self._enabled = True
        self._bar: Progress | None = None

    def enable(self) -> None:
        self._enabled = True

    def disable(self) -> None:
        self._enabled = False

    def print(self, *args: Any, **kwargs: Any) -> None:
        self.console.print(*args, **kwargs)

    def state_dict(self) -> dict[str, float]:
        return {"best": self.best}

    def load_state_dict(self, state_dict: dict[str, float]) -> None:
        self.best = state_dict["best"]

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._since = time.monotonic()
        self._total = planned_epochs(trainer)
        self._reported = trainer.current_epoch
        if self._enabled and (self.console.is_terminal or _shows_widgets(self.console)):
            self._bar = _bar(self.console)
            self._task = self._bar.add_task("", total=self._total, metrics="")
            self._bar.start()

    # At the end of an epoch Lightning asks callbacks before the module has logged: look at it one
    # hook later.
    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._report(trainer, trainer.current_epoch, self._is_due(trainer.current_epoch))

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._report(trainer, trainer.current_epoch, trainer.current_epoch > self._reported)
        self._stop()
        if self._enabled:
            self._tell_early_stop(trainer)

    def on_exception(
        self, trainer: Trainer, pl_module: LightningModule, exception: BaseException
    ) -> None:
        self._stop()

    def _tell_early_stop(self, trainer: Trainer) -> None:
        for each in trainer.early_stopping_callbacks:
            if isinstance(each, EarlyStopping) and each.wait_count >= each.patience:
                line = f"stopped early: {each.wait_count} epochs without a better {each.monitor}"
                self.console.print(line, soft_wrap=True)

    def _is_due(self, epochs: int) -> bool:
        return epochs > self._reported and epochs % max(1, (self._total or 0) // self.lines) == 0

    def _report(self, trainer: Trainer, epochs: int, due: bool) -> None:
        self.best = min(self.best, float(trainer.callback_metrics.get(self.monitor, math.inf)))
        if self._bar:
            self._bar.update(self._task, completed=epochs, metrics=self._describe(trainer))
        elif self._enabled and due:
            self._reported = epochs
            seconds = time.monotonic() - self._since
            line = (
                f"epoch {epochs}/{self._total or '?'}  {self._describe(trainer)}  {seconds:.0f} s"
            )
            self.console.print(line, soft_wrap=True)

    def _describe(self, trainer: Trainer) -> str:
        known = trainer.callback_metrics
        shown = [f"{name} {float(known[name]):.4f}" for name in self.metrics if name in known]
        return "  ".join([*shown, f"best {self.best:.4f}"])

    def _stop(self) -> None:
        if self._bar:
            self._bar.stop()
            self._bar = None


def planned_epochs(trainer: Trainer) -> int | None:
    """Return the epochs until the Trainer's limits end the run; None where it has none."""
    limits = []
    if trainer.max_epochs is not None and trainer.max_epochs >= 0:
        limits.append(trainer.max_epochs)
    if trainer.max_steps >= 0:
        limits.append(math.ceil(trainer.max_steps / max(1, int(trainer.num_training_batches))))
    return min(limits, default=None)


def _shows_widgets(console: Console) -> bool:
    """Whether this is a notebook that can show a bar; one without ipywidgets gets lines."""
    return console.is_jupyter and find_spec("ipywidgets") is not None


def _bar(console: Console) -> Progress:
    columns = BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[metrics]}")
    return Progress("epoch", *columns, TimeRemainingColumn(), console=console, refresh_per_second=4)

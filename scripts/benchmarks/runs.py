"""Training runs of this project, composed as its command line composes them."""

from contextlib import closing
from pathlib import Path
from typing import Any

from lightning.pytorch.callbacks import Callback

from mdn.app.build_lightning import build_data, build_trainer
from mdn.app.compose import compose
from mdn.app.run import Run, read_run
from mdn.app.run_log import RunLog
from mdn.data.table import Table
from mdn.training.datamodule import TableModule
from mdn.training.lightning_parts import callbacks_of
from mdn.training.module import MDNModule
from mdn.training.modules import module_of

QUIET = ["callbacks.progress.lines=1", "~callbacks.density_plot"]
"""Overrides of a run that prints little and draws nothing."""

ALL_EPOCHS = [*QUIET, "~callbacks.early_stopping"]
"""Overrides of a run that also never stops early."""


def prepared(overrides: list[str], folder: Path) -> tuple[TableModule, Run]:
    """Return the rows of a run, and the run with a number for every `auto`."""
    run = read_run(compose("train", overrides, folder))
    data = build_data(run.data, run.recipe.cross_fitting)
    return data, run.resolve(data)


def file_overrides(path: Path, test_fraction: float) -> list[str]:
    """Return the overrides of a run on a file whose target is named y0."""
    return [
        "data=file",
        f"data.path={path}",
        "data.targets=[y0]",
        f"data.test_fraction={test_fraction}",
    ]


def tables_of(data: TableModule) -> dict[str, Table]:
    """Return the rows of a run; a benchmark holds all of them in memory."""
    return {name: rows.sample for name, rows in data.tables.items()}


def untrained(data: TableModule, run: Run) -> MDNModule:
    """Return the module of a run before its start."""
    module: Any = module_of(run.recipe, data.kinds, data.num_targets)
    return module


def started(data: TableModule, run: Run) -> MDNModule:
    """Return the module of a run after its start from the training rows."""
    module = untrained(data, run)
    module.start(data.train_table.sample)
    return module


def train(module: MDNModule, data: TableModule, run: Run, callback: Callback) -> None:
    """Train with everything that a run has; `callback` comes before the run's own callbacks."""
    with closing(RunLog(run.run_dir)) as log:
        trainer = build_trainer(run.trainer, run.callbacks, log)
        callbacks_of(trainer).insert(0, callback)
        trainer.fit(module, data)

"""The rows of a raw table as a training run reads them, and the model that it trains."""

import json
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory

import mdn
from benchmarks import runs
from benchmarks.options import Options
from benchmarks.tables.problem import Problem
from mdn.app.build_lightning import build_data
from mdn.app.compose import compose
from mdn.app.node import Node
from mdn.app.run import read_run
from mdn.app.run_directory import METRICS_FILE
from mdn.app.train import train
from mdn.data.files import read_table
from mdn.data.table import Table
from mdn.model.model import Model

_QUIET = ["~callbacks.progress", "callbacks.density_plot.enabled=false"]


def tables_of(problem: Problem, options: Options) -> dict[str, Table]:
    """Return the tables of a training run: "train", "val" and "test"."""
    with TemporaryDirectory() as folder, _silence():
        run = read_run(_config(problem, options, Path(folder)))
        return runs.tables_of(build_data(run.data, run.recipe.cross_fitting))


def all_rows(problem: Problem) -> Table:
    """Return the rows of both files as one table, as it is read: no training rows have coded it."""
    train, test = (path.read_text().splitlines() for path in (problem.train, problem.test))
    with TemporaryDirectory() as folder, _silence():
        whole = Path(folder) / problem.train.name
        whole.write_text("\n".join([*train, *test[1:]]))
        return read_table(whole, list(problem.targets), None, None)[0]


def trained(problem: Problem, options: Options) -> tuple[Model, float]:
    """Return the model of a training command with nothing but its files and targets, and seconds.

    The seconds are those of the fit.
    """
    # The log may still be written to when the run has ended.
    with TemporaryDirectory(ignore_cleanup_errors=True) as folder, _silence():
        train(_config(problem, options, Path(folder)))
        metrics = json.loads((Path(folder) / METRICS_FILE).read_text())
        return mdn.load(Path(folder) / "checkpoints" / "best.ckpt"), metrics["fit_seconds"]


def _config(problem: Problem, options: Options, folder: Path) -> Node:
    targets = json.dumps(list(problem.targets))
    overrides = [
        "data=file",
        f"data.path={problem.train}",
        f"data.test_path={problem.test}",
        f"data.targets={targets}",
        f"threads={options.threads[0]}",
        f"trainer.accelerator={options.device.type}",
    ]
    return compose("train", [*_QUIET, *overrides], folder)


@contextmanager
def _silence() -> Iterator[None]:
    with warnings.catch_warnings(), redirect_stdout(StringIO()):
        warnings.simplefilter("ignore", UserWarning)  # remarks on the rows
        yield

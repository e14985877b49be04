"""An epoch of training eight networks as one model, beside an epoch of one network.

Both are runs of this project with everything on: validation, checkpoints, the log, the watch over
components. What is to be seen is the ratio; the two take turns, so that both meet the same machine.
"""

import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from statistics import median

import numpy as np
import torch

from benchmarks.loop import epochs_of_run
from benchmarks.report import Row
from benchmarks.settings import Settings
from mdn.app.build import build_data
from mdn.app.compose import compose
from mdn.app.run import Run, read_run
from mdn.training.datamodule import TableModule

MEMBERS = 8
SIZES = {1000: 1, 10_000: 8}
"""Inputs for each number of rows."""

_EPOCHS = {1000: 26, 10_000: 6}
_ROUNDS = 5


def rows(settings: Settings) -> Iterator[Row]:
    """A row for each size and number of threads."""
    for size in SIZES:
        with tempfile.TemporaryDirectory() as folder:
            data, run = make_problem(size, Path(folder))
            for threads in settings.threads:
                torch.set_num_threads(threads)
                yield measure(data, run, threads)


def measure(data: TableModule, run: Run, threads: int) -> Row:
    """Seconds of an epoch of one network and of eight, and how many times the one's they are."""
    rounds = [
        [median(epochs_of_run(data, with_members(run, m))) for m in (1, MEMBERS)]
        for _ in range(_ROUNDS)
    ]
    return {
        "rows": len(data.train_table),
        "inputs": data.num_inputs,
        "batch": data.batch_size,
        "threads": threads,
        "one network, seconds an epoch": median(one for one, _ in rounds),
        f"{MEMBERS} networks": median(all_ for _, all_ in rounds),
        "times one": median(all_ / one for one, all_ in rounds),
        "least": min(all_ / one for one, all_ in rounds),
        "most": max(all_ / one for one, all_ in rounds),
    }


def make_problem(size: int, folder: Path) -> tuple[TableModule, Run]:
    """The rows, a tenth of them to validate on, and the configuration of a run over them."""
    random = np.random.default_rng(0)
    x = random.normal(size=(round(size / 0.899), SIZES[size]))
    y = np.sin(2 * x[:, :1]) * random.choice([-1, 1], size=(len(x), 1))
    np.savez(folder / "rows.npz", x=x, y=y + 0.1 * random.normal(size=y.shape))
    overrides = [
        "data=file",
        f"data.path={folder / 'rows.npz'}",
        "data.targets=[y0]",
        "data.test_fraction=0.001",
        f"trainer.max_epochs={_EPOCHS[size]}",
        "callbacks.progress.lines=1",
        "~callbacks.density_plot",
        "~callbacks.early_stopping",
    ]
    run = read_run(compose("train", overrides, folder))
    data = build_data(run.data)
    return data, run.resolve(data)


def with_members(run: Run, members: int) -> Run:
    """The same run with another number of networks."""
    return replace(run, recipe=run.recipe.updated({"ensemble_size": members}))

"""An epoch of training eight networks as one model, beside an epoch of one network.

Both are runs of this project with everything on: validation, checkpoints, the log, the mixture
monitor. The figure of interest is the ratio, so the two take turns on the same machine.
"""

import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from statistics import median

import numpy as np
import torch

from benchmarks import runs
from benchmarks.epochs import epochs_of_run
from benchmarks.options import Options
from benchmarks.output import Row
from mdn.app.run import Run
from mdn.training.datamodule import TableModule

MEMBERS = 8
SIZES = {1000: 1, 10_000: 8}
"""Inputs for each number of rows."""

_EPOCHS = {1000: 26, 10_000: 6}
_ROUNDS = 5


def rows(options: Options) -> Iterator[Row]:
    """Yield a row for each size and number of threads."""
    for size in SIZES:
        with tempfile.TemporaryDirectory() as folder:
            data, run = make_problem(size, Path(folder))
            for threads in options.threads:
                torch.set_num_threads(threads)
                yield measure(data, run, threads)


def measure(data: TableModule, run: Run, threads: int) -> Row:
    """Return the seconds per epoch of one network and of eight, and the ratio."""
    rounds = [
        [median(epochs_of_run(data, with_members(run, m))) for m in (1, MEMBERS)]
        for _ in range(_ROUNDS)
    ]
    return {
        "rows": len(data.train_table),
        "inputs": len(data.kinds),
        "batch": data.batch_size,
        "threads": threads,
        "one network, seconds an epoch": median(one for one, _ in rounds),
        f"{MEMBERS} networks": median(all_ for _, all_ in rounds),
        "times one": median(all_ / one for one, all_ in rounds),
        "least": min(all_ / one for one, all_ in rounds),
        "most": max(all_ / one for one, all_ in rounds),
    }


def make_problem(size: int, folder: Path) -> tuple[TableModule, Run]:
    """Return `size` rows to train on with a tenth as many to validate, and the configuration."""
    random = np.random.default_rng(0)
    x = random.normal(size=(round(size / 0.899), SIZES[size]))
    y = np.sin(2 * x[:, :1]) * random.choice([-1, 1], size=(len(x), 1))
    np.savez(folder / "rows.npz", x=x, y=y + 0.1 * random.normal(size=y.shape))
    source = runs.file_overrides(folder / "rows.npz", test_fraction=0.001)
    overrides = [f"trainer.max_epochs={_EPOCHS[size]}", *runs.ALL_EPOCHS]
    return runs.prepared([*source, *overrides], folder)


def with_members(run: Run, members: int) -> Run:
    """Return the configuration with another number of networks."""
    return replace(run, recipe=run.recipe.updated({"ensemble_size": members}))

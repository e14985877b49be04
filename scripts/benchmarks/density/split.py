"""A real problem, and its random splits: a tenth of the rows to test on, all others to fit."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from tempfile import gettempdir

import torch

from benchmarks.options import Options
from benchmarks.runs import tables_of
from mdn.app.build_lightning import build_data
from mdn.app.compose import compose
from mdn.app.node import Node
from mdn.app.run import read_run
from mdn.data.table import Table

TARGETS = {
    "lane2": "speed",
    "lane3": "speed",
    "mcycle": "accel",
    "enb": "y0+y1",
    "jura": "y0+y1+y2",
    "slump": "y0+y1+y2",
}
"""Targets of the files of these names; all other columns are inputs."""


@dataclass(frozen=True)
class Split:
    """One random split of the rows of a file.

    Attributes:
        path: the file.
        targets: columns to learn the density of.
        seed: decides the split and every other draw.
        threads: the threads of torch.
        device: where networks are trained.
    """

    path: Path
    targets: tuple[str, ...]
    seed: int
    threads: int
    device: str

    def configure(self, overrides: list[str], run_dir: Path) -> Node:
        """Return the configuration of a training command on these rows."""
        return compose("train", [*self._overrides, *overrides], run_dir)

    @property
    def _overrides(self) -> list[str]:
        return [
            "data=file",
            f"data.path={self.path}",
            f"data.targets=[{','.join(self.targets)}]",
            "data.test_fraction=0.1",
            f"seed={self.seed}",
            f"threads={self.threads}",
            f"trainer.accelerator={self.device}",
        ]

    @cached_property
    def tables(self) -> dict[str, Table]:
        """Return the tables of a training run: "train", "val" and "test"."""
        run = read_run(self.configure([], Path(gettempdir())))
        return tables_of(build_data(run.data))

    @property
    def test(self) -> Table:
        """Return the rows to test on."""
        return self.tables["test"]

    @property
    def fit(self) -> Table:
        """Return all other rows, with those on which a network validates."""
        train, val = self.tables["train"], self.tables["val"]
        return replace(train, x=torch.cat([train.x, val.x]), y=torch.cat([train.y, val.y]))


def splits_of(options: Options) -> Iterator[tuple[str, list[Split]]]:
    """Yield the name of each problem and its splits.

    Raises:
        ValueError: if there is no folder or no such file in it, or the targets are not known.
    """
    for problem in options.problems or TARGETS:
        name, _, targets = problem.partition(":")
        targets = targets or TARGETS.get(name, "")
        if not targets:
            raise ValueError(
                f"the targets of {name!r} are not known; add them, as in problems={name}:y0+y1"
            )
        source = find(name, options.data), tuple(targets.split("+"))
        machine = options.threads[0], options.device.type
        yield name, [Split(*source, seed, *machine) for seed in range(options.splits)]


def find(name: str, folder: Path | None) -> Path:
    """Return the CSV file of a name, anywhere in a folder."""
    if folder is None:
        raise ValueError("suite density needs files; add data=FOLDER")
    found = sorted(folder.rglob(f"{name}.csv"))
    if not found:
        raise ValueError(f"there is no {name}.csv in {folder}; wanted the files of problems=...")
    return found[0]

"""A real problem, and its random parts: a tenth of the rows to test on, all the others to fit."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from tempfile import gettempdir
from typing import Any

import torch

from benchmarks.settings import Settings
from mdn.app.build import build_data
from mdn.app.compose import compose
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
"""What is learnt of the files of these names; all other columns are inputs."""


@dataclass(frozen=True)
class Split:
    """One way to part the rows of a file.

    Attributes:
        path: the file.
        targets: columns to learn the density of.
        seed: which way; also the seed of whoever draws anything.
        threads: how many torch may use.
        device: where networks are trained.
    """

    path: Path
    targets: tuple[str, ...]
    seed: int
    threads: int
    device: str

    def configure(self, overrides: list[str], run_dir: Path) -> dict[str, Any]:
        """What a training command on these rows is configured to do."""
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
        """As a training run takes them: "train", "val" and "test"."""
        return build_data(read_run(self.configure([], Path(gettempdir()))).data).tables

    @property
    def test(self) -> Table:
        """The rows that nobody fits to."""
        return self.tables["test"]

    @property
    def fit(self) -> Table:
        """All the others, those included that a network keeps to validate on."""
        train, val = self.tables["train"], self.tables["val"]
        return replace(train, x=torch.cat([train.x, val.x]), y=torch.cat([train.y, val.y]))


def splits_of(settings: Settings) -> Iterator[tuple[str, list[Split]]]:
    """The name of each problem and its splits.

    Raises:
        ValueError: if there is no folder, no such file in it, or targets of a file are not known.
    """
    for asked in settings.problems or TARGETS:
        name, _, targets = asked.partition(":")
        targets = targets or TARGETS.get(name, "")
        if not targets:
            raise ValueError(
                f"the targets of {name!r} are not known; add them, as in problems={name}:y0+y1"
            )
        place = find(name, settings.data), tuple(targets.split("+"))
        machine = settings.threads[0], settings.device.type
        yield name, [Split(*place, seed, *machine) for seed in range(settings.splits)]


def find(name: str, folder: Path | None) -> Path:
    """The CSV file of a name, anywhere in a folder."""
    if folder is None:
        raise ValueError("suite density needs files; add data=FOLDER")
    found = sorted(folder.rglob(f"{name}.csv"))
    if not found:
        raise ValueError(f"there is no {name}.csv in {folder}; wanted the files of problems=...")
    return found[0]

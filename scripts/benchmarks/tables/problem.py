"""A raw table in two files, NAME.train.csv and NAME.test.csv, and its targets."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.options import Options

TARGETS = {
    "airquality": ("Ozone",),
    "cps88": ("wage",),
    "diamonds": ("price",),
    "gss-wages": ("realrinc",),
    "hitters": ("Salary",),
    "lung": ("time",),
    "penguins-raw": ("Body Mass (g)",),
    "saratoga": ("price",),
    "seattle-weather": ("precipitation",),
    "starwars": ("mass",),
    "storms": ("wind", "pressure"),
    "txhousing": ("median",),
}
"""Targets of the tables of these names; all other columns are inputs."""


@dataclass(frozen=True)
class Problem:
    """A raw table.

    Attributes:
        name: what its files are called.
        folder: where they are.
        targets: columns to learn the density of.
    """

    name: str
    folder: Path
    targets: tuple[str, ...]

    @property
    def train(self) -> Path:
        """Return the file with the rows to train on."""
        return self.folder / f"{self.name}.train.csv"

    @property
    def test(self) -> Path:
        """Return the file with the rows to score."""
        return self.folder / f"{self.name}.test.csv"


def problems_of(options: Options) -> list[Problem]:
    """Return the tables that are asked for, or all known ones of a folder.

    Raises:
        ValueError: if there is no folder or no such file in it, or the targets are not known.
    """
    return problems_in(options.data, options.problems)


def problems_in(folder: Path | None, wanted: Sequence[str]) -> list[Problem]:
    """Return the tables of these names in a folder, or all known ones.

    Raises:
        ValueError: if there is no folder or no such file in it, or the targets are not known.
    """
    if folder is None:
        raise ValueError("this suite needs files; add data=FOLDER")
    return [_problem(name, folder) for name in wanted or _known(folder)]


def _problem(wanted: str, folder: Path) -> Problem:
    name, _, targets = wanted.partition(":")
    chosen = tuple(targets.split("+")) if targets else TARGETS.get(name, ())
    problem = Problem(name, _home(name, folder), chosen)
    _check(problem)
    return problem


def _home(name: str, folder: Path) -> Path:
    """Return the folder of a table, which may be inside of another."""
    found = sorted(folder.rglob(f"{name}.train.csv"))
    return found[0].parent if found else folder


def _known(folder: Path) -> list[str]:
    found = [name for name in TARGETS if any(folder.rglob(f"{name}.train.csv"))]
    if not found:
        raise ValueError(f"there is none of {list(TARGETS)} in {folder}; name problems=...")
    return found


def _check(problem: Problem) -> None:
    if not problem.targets:
        raise ValueError(
            f"the targets of {problem.name!r} are not known; add them, as in "
            f"problems={problem.name}:y0+y1"
        )
    missing = [str(path) for path in (problem.train, problem.test) if not path.exists()]
    if missing:
        raise ValueError(f"there is no {' and no '.join(missing)}")

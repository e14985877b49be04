"""Published figures of others, from files beside this one."""

import csv
from dataclasses import dataclass
from pathlib import Path

_FOLDER = Path(__file__).parent / "published"


@dataclass(frozen=True)
class Published:
    """One figure.

    Attributes:
        method: who reached it.
        name: the set.
        value: the mean test NLL.
        counts: whether it may be called the best: the same splits, no search on each of them, an
            exact likelihood.
    """

    method: str
    name: str
    value: float
    counts: bool


def published(suite: str) -> list[Published]:
    """Return what has been published on the sets of a suite."""
    path = _FOLDER / f"{suite}.csv"
    if not path.exists():
        return []
    with path.open(newline="") as file:
        return [
            Published(row["method"], row["set"], float(row["nll"]), row["counts"] == "yes")
            for row in csv.DictReader(file)
        ]


def best_of(figures: list[Published], name: str) -> Published | None:
    """Return the lowest that counts on a set; None where nothing has been published."""
    counting = [each for each in figures if each.name == name and each.counts]
    return min(counting, key=lambda each: each.value, default=None)

"""Nine UCI regression sets with the standard splits (Hernandez-Lobato & Adams 2015).

Twenty random splits into nine tenths and one tenth, five of the largest set, drawn one after the
other from one stream of seed 1; all studies of the field use the same.
"""

from pathlib import Path

import numpy as np
from jaxtyping import Int

from benchmarks.public.collection import Collection, file_in, present
from benchmarks.public.split import Split, split_of_arrays

SETS = (
    "bostonHousing",
    "concrete",
    "energy",
    "kin8nm",
    "naval-propulsion-plant",
    "power-plant",
    "protein-tertiary-structure",
    "wine-quality-red",
    "yacht",
)
"""Files NAME.csv of numbers, the target last."""

_SPLITS, _SPLITS_OF_LARGEST = 20, 5
_LARGEST = "protein-tertiary-structure"


class Uci(Collection):
    """The nine sets."""

    def names(self) -> list[str]:
        return present({name: f"{name}.csv" for name in SETS}, self.folder, "uci")

    def num_splits(self, name: str) -> int:
        return _SPLITS_OF_LARGEST if name == _LARGEST else _SPLITS

    def split(self, name: str, number: int) -> Split:
        [path] = self.sources(name)
        rows = np.loadtxt(path, delimiter=",", skiprows=1)
        return split_of_arrays(rows[:, :-1], rows[:, -1:], test_rows(len(rows), number), number)

    def sources(self, name: str) -> list[Path]:
        return [file_in(self.folder, f"{name}.csv", "uci")]


def test_rows(rows: int, number: int) -> Int[np.ndarray, " M"]:
    """Return which rows a standard split tests on."""
    stream = np.random.RandomState(1)
    orders = [stream.choice(rows, rows, replace=False) for _ in range(number + 1)]
    return orders[number][round(rows * 9.0 / 10) :]

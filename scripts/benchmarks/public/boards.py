"""Sets of a benchmark of conditional densities (arXiv 2603.26611), by its protocol.

The rows in a fixed random order, the first 5000 of them, text columns as one column of zeros and
ones for each level, and a quarter of the rows to test on, four times. `NAME@20000` takes the first
20,000 rows. The benchmark scores a density on 200 points between the ends of the training targets
and a twentieth of their range beyond, where it sums to one: that figure is given beside the exact
one, which a row outside of the range costs more.
"""

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from pyarrow import csv
from sklearn.model_selection import train_test_split

from benchmarks.public.collection import Collection, file_in, full_name, present
from benchmarks.public.split import Split, split_of_arrays

FILES = {
    "kin8nm": "kin8nm.csv",
    "protein": "protein-tertiary-structure.csv",
    "diamonds": "diamonds.csv.gz",
    "cps88_wages": "cps88_wages.csv.gz",
    "naval": "naval-propulsion-plant.csv",
}
"""The file of each set."""

TARGETS = {"kin8nm": "y", "protein": "y", "naval": "y", "diamonds": "price", "cps88_wages": "wage"}
"""The target of each set; all other columns are inputs."""

ROWS = 5000
"""How many rows there are to learn from and to test on, unless a name says otherwise."""

_SPLITS = 4


class Boards(Collection):
    """The sets of that benchmark that are at hand."""

    grid_points = 200
    sign = -1
    figure = "log-likelihood"

    def names(self) -> list[str]:
        return present(FILES, self.folder, "boards")

    def chosen(self, wanted: Sequence[str]) -> list[str]:
        parts = [name.partition("@") for name in wanted]
        known = self.names()
        return [full_name(name, known) + at + rows for name, at, rows in parts] or known

    def num_splits(self, name: str) -> int:
        return _SPLITS

    def split(self, name: str, number: int) -> Split:
        base, _, rows = name.partition("@")
        [path] = self.sources(name)
        x, y = numbers_in(path, TARGETS[base])
        some = np.random.RandomState(42).permutation(len(x))[: int(rows or ROWS)]
        test = train_test_split(np.arange(len(some)), test_size=0.25, random_state=number)[1]
        return split_of_arrays(x[some], y[some], np.asarray(test), number)

    def sources(self, name: str) -> list[Path]:
        return [file_in(self.folder, FILES[name.partition("@")[0]], "boards")]


@cache
def numbers_in(path: Path, target: str) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Return the inputs [N, P], text by its levels, and the target [N, 1] of a file."""
    rows = csv.read_csv(path)
    inputs = [rows[name].combine_chunks() for name in rows.column_names if name != target]
    plain = [column for column in inputs if not pa.types.is_string(column.type)]
    text = [column for column in inputs if pa.types.is_string(column.type)]
    columns = [column.cast(pa.float64()).to_numpy(False) for column in plain]
    for column in text:
        columns += indicators(column.to_numpy(False))
    return np.column_stack(columns), rows[target].to_numpy().astype(float)[:, None]


def indicators(column: np.ndarray[Any, Any]) -> list[np.ndarray[Any, Any]]:
    """Return one column of zeros and ones for each level, in the order of their names."""
    return [(column == level).astype(float) for level in sorted(set(column))]

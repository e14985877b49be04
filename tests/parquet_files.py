"""Small Parquet files of numbers, in row groups."""

from pathlib import Path

import numpy as np
import pyarrow as pa
from pyarrow import parquet

NAMES = ["a", "b", "c", "y", "w"]


def numbers(rows: int, seed: int = 0) -> pa.Table:
    """Columns a, b and c, a target that depends on them, and weights, some of them 0."""
    random = np.random.default_rng(seed)
    a, b, c = random.standard_normal((3, rows))
    y = np.sin(2 * a) + 0.3 * b + (0.1 + 0.2 * np.abs(c)) * random.standard_normal(rows)
    w = random.integers(0, 4, rows).astype(float)
    return pa.table(dict(zip(NAMES, [a, b, c, 1e4 + 10 * y, w], strict=True)))


def write(path: Path, table: pa.Table, group: int) -> str:
    """Write a table in row groups of so many rows."""
    parquet.write_table(table, path, row_group_size=group)
    return str(path)

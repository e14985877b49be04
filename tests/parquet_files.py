"""Small Parquet files in row groups."""

from pathlib import Path

import numpy as np
import pyarrow as pa
from pyarrow import parquet

LEVELS = ["red", "green", "blue", "rare"]


def numbers(rows: int, seed: int = 0) -> pa.Table:
    """Columns a, b and c, a target that depends on them, and weights, some of them 0."""
    random = np.random.default_rng(seed)
    a, b, c = random.standard_normal((3, rows))
    y = np.sin(2 * a) + 0.3 * b + (0.1 + 0.2 * np.abs(c)) * random.standard_normal(rows)
    w = random.integers(0, 4, rows).astype(float)
    return pa.table({"a": a, "b": b, "c": c, "y": 1e4 + 10 * y, "w": w})


def mixed(rows: int, seed: int = 0) -> pa.Table:
    """As `numbers`, with a category, a date, and values that are missing, of the target too."""
    random = np.random.default_rng(seed)
    table = numbers(rows, seed)
    levels = random.choice(LEVELS, rows, p=[0.5, 0.3, 0.18, 0.02])
    days = np.datetime64("2020-01-01") + random.integers(0, 2000, rows)
    gaps = random.random((rows, 3)) < 0.1
    table = table.set_column(0, "a", pa.array(table["a"].to_numpy(), mask=gaps[:, 0]))
    table = table.set_column(3, "y", pa.array(table["y"].to_numpy(), mask=gaps[:, 1]))
    table = table.append_column("color", pa.array(levels, mask=gaps[:, 2]))
    return table.append_column("day", pa.array(days))


def write(path: Path, table: pa.Table, group: int) -> str:
    """Write a table in row groups of so many rows."""
    parquet.write_table(table, path, row_group_size=group)
    return str(path)

"""Whether rows are those of before, told by a few numbers instead of the rows."""

from collections.abc import Mapping
from math import isclose, sqrt

import torch

from mdn.data.table import Table

Fingerprint = dict[str, list[float]]
"""Of each table how many rows it has, and the root mean square of each of its columns."""

_TOLERANCE = 1e-9
"""Relative; another machine adds, and draws, with other last digits."""


def fingerprint(tables: Mapping[str, Table]) -> Fingerprint:
    """The fingerprint of tables by name; the order of a table's rows does not matter to it."""
    return {name: [float(len(table)), *_sizes(table)] for name, table in tables.items()}


def _sizes(table: Table) -> list[float]:
    columns = [each.reshape(len(table), -1) for each in table.tensors]
    norms = torch.cat([torch.linalg.vector_norm(each, dim=0) for each in columns])
    return (norms / sqrt(len(table))).tolist()


def changed(before: Fingerprint, now: Fingerprint) -> list[str]:
    """Names of the tables that are not what they were, in their order of now."""
    return [name for name in now if not _alike(before.get(name, []), now[name])]


def _alike(before: list[float], now: list[float]) -> bool:
    return len(before) == len(now) and all(
        isclose(one, other, rel_tol=_TOLERANCE) for one, other in zip(before, now, strict=True)
    )

"""Whether rows are those of before, told by a few numbers instead of the rows."""

from collections.abc import Mapping
from math import isclose, sqrt

import torch
from torch import Tensor

from mdn.data.table import Table

Fingerprint = dict[str, list[float]]
"""Of each table how many rows it has, the root mean square of each of its columns, and a mean over
rows of a number in which all columns of a row meet: it tells signs and what belongs together."""

_TOLERANCE = 1e-9
"""Relative; another machine adds, and draws, with other last digits."""


def fingerprint(tables: Mapping[str, Table]) -> Fingerprint:
    """The fingerprint of tables by name; the order of a table's rows does not matter to it."""
    return {name: [float(len(table)), *_sizes(table)] for name, table in tables.items()}


def _sizes(table: Table) -> list[float]:
    columns = [each.unsqueeze(-1).flatten(1) for each in table.tensors]  # a weight becomes one
    rows = max(1, len(table))
    sizes = [torch.linalg.vector_norm(each, dim=0) / sqrt(rows) for each in columns]
    tangle = torch.zeros(len(table), dtype=torch.float64)
    for each, size, factor in zip(columns, sizes, _factors(columns), strict=True):
        tangle += each.double() @ (factor / size.clamp(min=torch.finfo(size.dtype).tiny))
    return [*torch.cat(sizes).tolist(), tangle.sin().exp().sum().item() / rows]


def _factors(columns: list[Tensor]) -> tuple[Tensor, ...]:
    """Another for each column: square roots, of which few are multiples of others."""
    widths = [each.shape[1] for each in columns]
    return torch.arange(1, 1 + sum(widths), dtype=torch.float64).sqrt().split(widths)


def changed(before: Fingerprint, now: Fingerprint) -> list[str]:
    """Names of the tables that are not what they were, in their order of now."""
    return [name for name in now if not _alike(before.get(name, []), now[name])]


def _alike(before: list[float], now: list[float]) -> bool:
    return len(before) == len(now) and all(
        isclose(one, other, rel_tol=_TOLERANCE) for one, other in zip(before, now, strict=True)
    )

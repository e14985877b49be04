"""A few numbers that tell whether rows are the same as before, without the rows."""

from collections.abc import Sequence
from hashlib import blake2b
from math import isclose, sqrt

import torch
from torch import Tensor

from mdn.networks.kinds import Category, Kind

Fingerprint = dict[str, list[float]]
"""For each table its number of rows, the root mean square of each of its columns, and a mean over
rows of a number in which all columns of a row meet: it tells signs and what belongs together; then
a number for the levels of each category, which rows have as codes."""

_TOLERANCE = 1e-9
"""Relative; another machine adds, and draws, with other last digits."""


def fingerprint(tensors: Sequence[Tensor]) -> list[float]:
    """Compute the fingerprint of a table, which does not depend on the order of its rows.

    Args:
        tensors: the rows of its inputs, its targets and, where there are any, its weights.
    """
    columns = _marked([each.unsqueeze(-1).flatten(1) for each in tensors])  # a weight becomes one
    length = len(columns[0])
    rows = max(1, length)
    sizes = [torch.linalg.vector_norm(each, dim=0) / sqrt(rows) for each in columns]
    projection = torch.zeros(length, dtype=torch.float64)
    for each, size, factor in zip(columns, sizes, _factors(columns), strict=True):
        # A column of zeros counts 0: its factor must stay finite, however many columns there are.
        smallest = 1e6 * torch.finfo(size.dtype).tiny
        projection += each.double() @ (factor / size.clamp(min=smallest))
    return [float(length), *torch.cat(sizes).tolist(), projection.sin().exp().sum().item() / rows]


def of_levels(kinds: Sequence[Kind]) -> list[float]:
    """Return a number from 0 to 1 for the levels of each category."""
    return [_hashed(kind.levels) for kind in kinds if isinstance(kind, Category)]


def _hashed(levels: Sequence[str]) -> float:
    digest = blake2b(digest_size=8)
    for level in levels:
        digest.update(level.encode() + b"\0")
    return int.from_bytes(digest.digest(), "little") / 2**64


def _marked(columns: list[Tensor]) -> list[Tensor]:
    """Matrices without NaN: what is missing becomes 0, and is marked in a further matrix."""
    missing = [each.isnan() for each in columns]
    if not any(each.any() for each in missing):
        return columns
    marks = [each.double() for each in missing if each.any()]
    return [each.nan_to_num(nan=0.0) for each in columns] + marks


def _factors(columns: list[Tensor]) -> tuple[Tensor, ...]:
    """A different one for each column: square roots, of which few are multiples of others."""
    widths = [each.shape[1] for each in columns]
    return torch.arange(1, 1 + sum(widths), dtype=torch.float64).sqrt().split(widths)


def changed(before: Fingerprint, now: Fingerprint) -> list[str]:
    """Name the tables that are not what they were, in the order of `now`."""
    return [name for name in now if not _alike(before.get(name, []), now[name])]


def _alike(before: list[float], now: list[float]) -> bool:
    return len(before) == len(now) and all(
        isclose(one, other, rel_tol=_TOLERANCE) for one, other in zip(before, now, strict=True)
    )

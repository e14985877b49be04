"""Rows split by time: the last are for the test, those before them for validation."""

from collections.abc import Mapping

import torch
from jaxtyping import Float64
from torch import Tensor

from mdn.data.splits.fractions import Parts


def by_time(
    times: Float64[Tensor, " N"],
    fractions: Mapping[str, float],
    gap: float,
    weight: Float64[Tensor, " N"] | None = None,
) -> Parts:
    """Return the rows of each part; rows of one time are in one part.

    Args:
        times: of the rows.
        fractions: of the rows, or of their weight, by part, from the last one back.
        gap: rows this close before the first of a later part are in none.
        weight: of each row.
    """
    distinct, which = times.unique(return_inverse=True)
    share = torch.zeros_like(distinct).index_add(0, which, _weights(times, weight))
    left = share.flip(0).cumsum(0).flip(0) / share.sum()  # from each time on
    parts: Parts = {}
    taken, end = 0.0, torch.inf
    for name, fraction in fractions.items():
        taken += fraction
        begin = _first(distinct, left, taken, end)
        parts[name] = ((times >= begin) & (times < end)).nonzero().squeeze(-1)
        end = begin - gap
    return parts | {"train": (times < end).nonzero().squeeze(-1)}


def _weights(
    times: Float64[Tensor, " N"], weight: Float64[Tensor, " N"] | None
) -> Float64[Tensor, " N"]:
    return torch.ones_like(times) if weight is None else weight


def _first(
    distinct: Float64[Tensor, " T"], left: Float64[Tensor, " T"], share: float, end: float
) -> float:
    """The time before `end` from which on nearest to this share of the rows are left."""
    before = distinct < end
    if not before.any():
        return end
    return float(distinct[before][(left[before] - share).abs().argmin()])

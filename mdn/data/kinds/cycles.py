"""Cycles of time that targets follow.

A cycle is followed where sine and cosine of a moment explain more of the ranks of a target than
chance would: of N rows without a cycle, N R^2 is chi-square with two degrees of freedom and above
20 once in 20,000 times. Ranks, because single values must not decide.
"""

from collections.abc import Sequence

import torch
from jaxtyping import Float64
from torch import Tensor

_CHANCE = 20.0


def followed(
    cycles: Sequence[float], moments: Float64[Tensor, " N"], y: Float64[Tensor, "N D"]
) -> tuple[float, ...]:
    """Return the cycles that a target follows.

    Args:
        cycles: periods in seconds.
        moments: in seconds; NaN where missing.
        y: targets; NaN where missing.
    """
    return tuple(
        cycle for cycle in cycles if any(_follows(moments / cycle, target) for target in y.T)
    )


def _follows(turns: Float64[Tensor, " N"], target: Float64[Tensor, " N"]) -> bool:
    there = ~(turns.isnan() | target.isnan())
    angle = 2 * torch.pi * (turns[there] - turns[there].floor())
    waves, ranks = torch.stack([angle.sin(), angle.cos()], -1), _ranks(target[there])
    waves, ranks = waves - waves.mean(0), ranks - ranks.mean()
    explained = (waves @ (torch.linalg.pinv(waves) @ ranks)).square().sum()
    return bool(len(ranks) * explained > _CHANCE * ranks.square().sum())


def _ranks(values: Float64[Tensor, " n"]) -> Float64[Tensor, " n"]:
    """The ranks of values; those that are alike share the middle of theirs."""
    ordered = values.sort().values
    below, upto = (torch.searchsorted(ordered, values, right=right) for right in (False, True))
    return (below + upto).double() / 2

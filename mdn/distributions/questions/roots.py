"""Roots of many increasing functions at once: Newton's method, kept inside a bracket.

A Newton step is taken where it stays inside the bracket and is well below the step before it;
elsewhere the bracket is halved. So the number of steps is bounded, and is three or four where the
function is nearly linear. RowIndex that have arrived drop out whenever they are half of those left:
to pick the others costs about as much as a step.
"""

from collections.abc import Callable

import torch
from jaxtyping import Float, Int
from torch import Tensor

RowIndex = Int[Tensor, " n"] | slice
"""An index into the rows; a slice as long as none has dropped out."""

Function = Callable[[Float[Tensor, " n"], RowIndex], tuple[Tensor, Tensor]]
"""(points, their rows) -> values and slopes there."""

_MOST_STEPS = 200
_SHRINK = 0.7


def root(
    function: Function,
    low: Float[Tensor, " R"],
    high: Float[Tensor, " R"],
    start: Float[Tensor, " R"],
    tolerance: float = 0,
    small: Float[Tensor, " R"] | None = None,
) -> Float[Tensor, " R"]:
    """Find where each row's function crosses zero from below.

    Args:
        function: increasing through its root; values of NaN leave their row where it stands.
        low: where the function is at most zero.
        high: where it is at least zero.
        start: first guess; one outside the bracket is replaced by its middle.
        tolerance: how near to zero a value is when one more Newton step is the last.
        small: how short a Newton step is when it is the last; 0 without.
    """
    at = torch.where((start > low) & (start < high), start, (low + high) / 2)
    short = torch.zeros_like(at) if small is None else small
    rows, point, before = slice(None), at, high - low
    for _ in range(_MOST_STEPS):
        value, slope = function(point, rows)
        low, high = torch.where(value <= 0, point, low), torch.where(value >= 0, point, high)
        newton, finest = value / slope, _resolution(point)
        near = newton.abs() <= torch.maximum(finest, short)
        todo = (value.abs() > tolerance) & (high - low > finest) & ~near
        # As long as the bracket but for rounding, it leads to an end of it.
        reached = (point - newton).clamp(low, high)
        last = torch.where(newton.abs() <= 2 * (high - low), reached, point)
        moved = torch.where(todo, _step(point, newton, low, high, before), last)
        point, before = moved, (moved - point).abs()
        at[rows] = point
        left = int(todo.count_nonzero())
        if left == 0:
            break
        if left <= 0.8 * len(todo):
            rows = torch.arange(len(at), device=at.device)[rows][todo]
            kept = (low, high, before, point, short)
            low, high, before, point, short = (v[todo] for v in kept)
    return at


def _step(point: Tensor, newton: Tensor, low: Tensor, high: Tensor, before: Tensor) -> Tensor:
    moved = point - newton
    trusted = (moved > low) & (moved < high) & (newton.abs() < _SHRINK * before)
    return torch.where(trusted, moved, (low + high) / 2)


def _resolution(point: Tensor) -> Tensor:
    return 4 * torch.finfo(point.dtype).eps * point.abs()

"""Roots of many increasing functions at once: Newton's method, kept inside a bracket.

A Newton step is taken where it stays inside the bracket and is well below the step before it;
elsewhere the bracket is halved. So the number of steps is bounded, and is three or four where the
function is nearly linear. Rows that have arrived drop out, and cost nothing further.
"""

from collections.abc import Callable

import torch
from jaxtyping import Float, Int
from torch import Tensor

Function = Callable[[Float[Tensor, " n"], Int[Tensor, " n"]], tuple[Tensor, Tensor]]
"""(points, their rows) -> values and slopes there."""

_MOST_STEPS = 200
_SHRINK = 0.7


def root(
    function: Function,
    low: Float[Tensor, " R"],
    high: Float[Tensor, " R"],
    start: Float[Tensor, " R"],
    tolerance: float,
) -> Float[Tensor, " R"]:
    """Where each row's function crosses zero from below.

    Args:
        function: increasing through its root; values of NaN leave their row where it stands.
        low: where the function is at most zero.
        high: where it is at least zero.
        start: first guess; one outside the bracket is replaced by its middle.
        tolerance: how near to zero a value counts as zero.
    """
    at = torch.where((start > low) & (start < high), start, (low + high) / 2)
    rows, low, high, before = torch.arange(len(at), device=at.device), low, high, high - low
    point = at.clone()
    for _ in range(_MOST_STEPS):
        value, slope = function(point, rows)
        low, high = torch.where(value <= 0, point, low), torch.where(value >= 0, point, high)
        newton, finest = value / slope, _resolution(point)
        todo = (value.abs() > tolerance) & (high - low > finest) & ~(newton.abs() <= finest)
        moved = _step(point, newton, low, high, before)
        before = (moved - point).abs()
        at[rows] = torch.where(todo, moved, point)
        if not todo.any():
            break
        rows, low, high, before, point = (v[todo] for v in (rows, low, high, before, moved))
    return at


def _step(point: Tensor, newton: Tensor, low: Tensor, high: Tensor, before: Tensor) -> Tensor:
    moved = point - newton
    trusted = (moved > low) & (moved < high) & (newton.abs() < _SHRINK * before)
    return torch.where(trusted, moved, (low + high) / 2)


def _resolution(point: Tensor) -> Tensor:
    return 4 * torch.finfo(point.dtype).eps * point.abs()

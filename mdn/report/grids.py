"""Targets that were rounded, of which a density can be gamed."""

from jaxtyping import Float
from torch import Tensor

_ROUNDING = 1e-3
"""How far from a whole number of steps a difference may be, in steps."""


def step_of(values: Float[Tensor, " N"]) -> float | None:
    """The step of the grid that values lie on; None where they look continuous.

    Continuous values are all different; a grid repeats some, and its gaps are whole steps.
    """
    distinct = values.unique()
    if len(distinct) in (1, len(values)):
        return None
    gaps = distinct.diff()
    step = gaps.min()
    whole = gaps / step
    on_grid = ((whole - whole.round()).abs() <= _ROUNDING).all()
    return step.item() if on_grid else None

"""The way uphill, from many starts at once to the tops that they lead to.

A step of EM never leads downhill, but many are needed where components overlap. So where the
surface bends down in every direction a Newton step is taken, and elsewhere each step of EM is
stretched to twice as much as the one before, both at most to a share of the local standard
deviation. Where that led downhill one plain step of EM follows, and after some such falls no other.

Climbers whose Newton steps end at one place are bound for one top, and all but the first stop: of
80 starts of which many lead to one top, few are left after some steps.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from mdn.distributions.questions.ragged import in_front, most
from mdn.distributions.questions.surface import Derivatives, Surface, times

_MOST_STEPS = 500
_MOST_FALLS = 3
# In local standard deviations: distinct modes are a good part of one apart.
_SAME_TOP = 0.02
# The longest step other than a plain one of EM, in local standard deviations.
_REACH = 0.25
_MOST_STRETCH = 16.0


@dataclass(frozen=True)
class Climbers:
    """S climbers on each of R surfaces.

    Attributes:
        y: where they are.
        start: which start they came from.
        climbing: who has neither arrived nor stopped.
        height: log density one step before.
        falls: how often they were led downhill.
        stretch: of the last step of EM.
    """

    y: Float[Tensor, "R S D"]
    start: Int[Tensor, "R S"]
    climbing: Bool[Tensor, "R S"]
    height: Float[Tensor, "R S"]
    falls: Int[Tensor, "R S"]
    stretch: Float[Tensor, "R S"]

    @classmethod
    def at(cls, y: Float[Tensor, "R S D"]) -> "Climbers":
        """Place climbers at their starts."""
        one = torch.ones_like(y[..., 0])
        start = torch.arange(y.shape[1], device=y.device).expand(one.shape)
        return cls(y, start, one.bool(), -torch.inf * one, torch.zeros_like(start), one)

    def rows(self, chosen: Bool[Tensor, " R"]) -> "Climbers":
        """Return the climbers on some surfaces."""
        return Climbers(*(v[chosen] for v in vars(self).values()))

    def closed_up(self) -> "Climbers":
        """Move those who still climb to the front, and drop places, where that is worth it."""
        if most(self.climbing) > 0.8 * self.climbing.shape[1]:
            return self
        place = in_front(self.climbing)
        y, *rest = vars(self).values()
        rest = (v.take_along_dim(place, 1) for v in rest)
        return Climbers(y.take_along_dim(place[..., None], 1), *rest)


def climb(surface: Surface, start: Float[Tensor, "R S D"]) -> Float[Tensor, "R S D"]:
    """Return the top each start leads to; NaN for one that leads where an earlier one does.

    Tops may still be found twice, where several arrive in one step.
    """
    top = torch.full_like(start, torch.nan)
    row = torch.arange(len(start), device=start.device)
    climbers = Climbers.at(start)
    for left in reversed(range(_MOST_STEPS)):
        climbers, arrived = _step(surface, climbers)
        at, place = (arrived if left else arrived | climbers.climbing).nonzero(as_tuple=True)
        top[row[at], climbers.start[at, place]] = climbers.y[at, place]
        todo = climbers.climbing.any(-1)
        if not todo.any():
            break
        if not todo.all():
            row, climbers, surface = row[todo], climbers.rows(todo), surface.rows(todo)
        climbers = climbers.closed_up()
    return top


def _step(surface: Surface, climbers: Climbers) -> tuple[Climbers, Bool[Tensor, "R S"]]:
    """The climbers one step on, and which of them have arrived by it."""
    before, local = climbers.y, surface.derivatives(climbers.y)
    eps = torch.finfo(before.dtype).eps
    fell = local.height < climbers.height - 8 * eps * (1 + local.height.abs())
    falls = climbers.falls + fell
    bold = ~fell & (falls <= _MOST_FALLS)
    newton = bold & local.peaked()
    stretch = torch.where(bold & ~newton, 2 * climbers.stretch, 1).clamp(max=_MOST_STRETCH)
    step = local.step(newton, stretch, _REACH)
    y = before + step
    there = ~((step * local.gradient).sum(-1) > eps) | (step.abs() <= 4 * eps * y.abs()).all(-1)
    climbing = climbers.climbing & ~_followers(y, local, climbers.climbing & newton)
    moved = Climbers(y, climbers.start, climbing & ~there, local.height, falls, stretch)
    return moved, climbing & there


def _followers(
    y: Float[Tensor, "R S D"], local: Derivatives, newton: Bool[Tensor, "R S"]
) -> Bool[Tensor, "R S"]:
    """Which points take a Newton step to where an earlier point's step ends."""
    near = same_top(y, local.precision) & newton[:, :, None] & newton[:, None]
    near = near.tril(-1)
    # One who follows no one leads; one who follows a follower may be further from a leader.
    leads = ~near.any(-1)
    return (near & leads[:, None]).any(-1)


def same_top(
    y: Float[Tensor, "R S D"], precision: Float[Tensor, "R S D D"]
) -> Bool[Tensor, "R S S"]:
    """Tell which places are one, by the smaller local standard deviation of the two."""
    apart = y[:, :, None] - y[:, None]
    distance = (times(precision[:, :, None], apart) * apart).sum(-1)
    return torch.maximum(distance, distance.mT) < _SAME_TOP**2

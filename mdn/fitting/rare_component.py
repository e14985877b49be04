"""A search for a rare, narrow regime that moves with the inputs, which gradient descent misses.

Let q(y given x) be the density that is there already, and c a narrow component whose mean is linear
in the inputs, y ~ N(B'(x, 1), diag(s)^2). Beside q it gets a share p of the rows,

    (1 - p) q(y given x) + p c(y given x),

and its gain is the sum over rows of the log of the ratio to q. With q fixed, EM in (B, s, p) is a
weighted least squares problem. A component feels a branch of 6 % of the rows only where it nearly
lies there already: so the search begins in many places, and s falls from .15, where a branch is
felt from a distance, to the width that fits.

Many places also find much that is chance. So the gain has to pay for the numbers that were fitted
to n effective rows, D (P + 1) + D + 1 of them at half of log n each (Schwarz 1978), log N for the
choice among places, and some nats for what N places find where nothing is.
"""

import math
from dataclasses import dataclass, replace

import torch
from jaxtyping import Bool, Float, Float64, Int
from torch import Tensor

from mdn.distributions import normal

MOST_INPUTS = 30
"""With more features so few rows tell nothing of a linear map."""

_MOST_ROWS = 4000
_PLACES, _KEPT, _KEPT_AFTER = 256, 48, 8
_UPDATES, _NARROWING, _FALL = 30, 20, 0.85
_WIDEST, _NARROWEST, _RIDGE = 0.15, 2e-3, 1e-3
_MOST_SHARE = 0.3
_CHANCE = 6.0
"""Nats beyond: in 98 searches of rows without a regime the best had 5.1."""
_ROWS_PER_NUMBER = 5
"""Effective rows for each input, and for two more: fewer lie on a plane by chance."""


@dataclass(frozen=True)
class LinearComponent:
    """Narrow components whose means are linear in the inputs; batch axes are places of a search.

    Attributes:
        slopes: of the mean in each input, and its value at 0 in the last row.
        std: standard deviations.
        pi: share of the rows.
    """

    slopes: Float64[Tensor, "*places Q D"]
    std: Float64[Tensor, "*places D"]
    pi: Float64[Tensor, "*places"]

    def at(self, place: Int[Tensor, "*chosen"]) -> "LinearComponent":
        """Return those of some places."""
        return LinearComponent(self.slopes[place], self.std[place], self.pi[place])


@dataclass(frozen=True)
class _Rows:
    """Rows to search: inputs with a column of ones, targets, and the log density there already."""

    x: Float64[Tensor, "N Q"]
    y: Float64[Tensor, "N D"]
    log_prob: Float64[Tensor, " N"]
    weight: Float64[Tensor, " N"]

    def residual(self, each: LinearComponent) -> Float64[Tensor, "C N D"]:
        return self.y - self.x @ each.slopes

    def log_ratio(self, each: LinearComponent) -> Float64[Tensor, "C N"]:
        """Return the log of the ratio of each component to what is there."""
        z = self.residual(each) / each.std[:, None]
        log_density = normal.log_density(z) - each.std[:, None].log()
        return log_density.sum(-1) - self.log_prob

    def share(self, each: LinearComponent) -> Float64[Tensor, "C N"]:
        return torch.sigmoid(self.log_ratio(each) + each.pi.logit()[:, None])

    def gain(self, each: LinearComponent) -> Float64[Tensor, " C"]:
        pi = each.pi[:, None]
        return torch.logaddexp(torch.log1p(-pi), pi.log() + self.log_ratio(each)) @ self.weight

    def effective(self, each: LinearComponent) -> Float64[Tensor, " C"]:
        share = self.share(each) * self.weight
        return share.sum(1).square() / share.square().sum(1)


def find_rare_component(
    x: Float[Tensor, "N P"],
    y: Float[Tensor, "N D"],
    log_prob: Float[Tensor, " N"],
    weight: Float[Tensor, " N"] | None,
    floor: float,
    seed: int = 0,
) -> tuple[LinearComponent, float] | None:
    """Return the narrow component that a density lacks most, or None where it lacks none.

    The number beside it is its gain over the rows searched less what it has to pay, in nats.

    Args:
        x: features of the inputs, standardized.
        y: targets, standardized. Rows that lack one, and those with a value that others have, do
            not count: repeated values are no regime.
        log_prob: log density of the targets as the model has it.
        weight: of each row.
        floor: the smallest standard deviation of the model; a component next to it is refused.
        seed: of the rows, at most 4000, and of the places.
    """
    if x.shape[-1] > MOST_INPUTS:
        return None
    generator = torch.Generator().manual_seed(seed)
    rows = _drawn(x, y, log_prob, weight, generator)
    if len(rows.x) < _PLACES // 4:
        return None
    found = _searched(rows, _places(rows, generator), max(floor, _NARROWEST))
    worth = torch.where((found.std > 2 * floor).all(-1), _worth(rows, found), -1.0)
    best = worth.argmax()
    return (found.at(best), worth[best].item()) if worth[best] > 0 else None


def _drawn(
    x: Tensor, y: Tensor, log_prob: Tensor, weight: Tensor | None, generator: torch.Generator
) -> _Rows:
    there = _distinct(y) if weight is None else _distinct(y) & (weight > 0)
    counted = there.nonzero().squeeze(-1).cpu()
    some = counted[torch.randperm(len(counted), generator=generator)[:_MOST_ROWS]].to(x.device)
    x, y, log_prob = (each[some].cpu().double() for each in (x, y, log_prob))
    weight = x.new_ones(len(x)) if weight is None else weight[some].cpu().double()
    return _Rows(torch.cat([x, x.new_ones(len(x), 1)], -1), y, log_prob, weight / weight.mean())


def _distinct(y: Float[Tensor, "N D"]) -> Bool[Tensor, " N"]:
    """Tell which rows have all targets, and none that another row has too."""
    distinct = ~y.isnan().any(-1)
    for column in y.unbind(-1):
        _, which, count = torch.unique(column, return_inverse=True, return_counts=True)
        distinct &= count[which] == 1
    return distinct


def _places(rows: _Rows, generator: torch.Generator) -> LinearComponent:
    """Components through rows drawn at random, with random slopes."""
    inputs, targets = rows.x.shape[1] - 1, rows.y.shape[1]
    slopes = torch.randn(_PLACES, inputs, targets, generator=generator, dtype=torch.float64)
    slopes /= math.sqrt(max(inputs, 1))
    through = torch.randint(len(rows.x), (_PLACES,), generator=generator)
    value = rows.y[through] - (rows.x[through, :-1, None] * slopes).sum(1)
    std = slopes.new_full((_PLACES, targets), _WIDEST)
    return LinearComponent(
        torch.cat([slopes, value[:, None]], 1), std, slopes.new_full((_PLACES,), 0.05)
    )


def _searched(rows: _Rows, found: LinearComponent, floor: float) -> LinearComponent:
    for update in range(_UPDATES):
        if update == _KEPT_AFTER:
            found = found.at(rows.gain(found).topk(_KEPT).indices)
        widest = _WIDEST * _FALL**update if update < _NARROWING else math.inf
        found = _updated(rows, found, floor, widest)
    return found


def _updated(rows: _Rows, found: LinearComponent, floor: float, widest: float) -> LinearComponent:
    """One update of EM, with the density that is there held fixed."""
    share = rows.share(found) * rows.weight
    mass = share.sum(1)
    ridge = _RIDGE * torch.eye(rows.x.shape[1], dtype=torch.float64)
    product = (rows.x[:, :, None] * rows.x[:, None, :]).flatten(1)
    moments = (share @ product).unflatten(1, ridge.shape) + ridge
    crossed = torch.einsum("cn,nq,nd->cqd", share, rows.x, rows.y) + _RIDGE * found.slopes
    moved = replace(found, slopes=torch.linalg.solve(moments, crossed))
    variance = torch.einsum("cn,cnd->cd", share, rows.residual(moved).square())
    std = (variance / mass.clamp(min=1e-9)[:, None]).sqrt().clamp(floor, max(widest, 10 * floor))
    return replace(moved, std=std, pi=(mass / len(rows.x)).clamp(1e-4, _MOST_SHARE))


def _worth(rows: _Rows, found: LinearComponent) -> Float64[Tensor, " C"]:
    """Return what is left of each gain when the numbers and the search are paid for."""
    effective = rows.effective(found)
    inputs, targets = rows.x.shape[1], rows.y.shape[1]
    numbers = targets * (inputs + 1) + 1
    cost = numbers / 2 * effective.clamp(min=2).log() + math.log(len(rows.x)) + _CHANCE
    enough = effective >= _ROWS_PER_NUMBER * (inputs + 1)
    return torch.where(enough, rows.gain(found) - cost, -1.0)

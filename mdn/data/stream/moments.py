"""Moments of columns that come in pieces.

Means and squared deviations of two pieces add up without a loss of digits (Chan, Golub and LeVeque
1979). Values absurdly far out, by the units of the first piece, are kept out and counted: one of
them would decide the unit of its column.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float64, Int64
from torch import Tensor

from mdn.networks.units import LIMIT, column_ends, column_units


@dataclass(frozen=True, eq=False)
class Sums:
    """Sums over some rows, for each of C columns.

    Attributes:
        weight: of the values that count.
        mean: of these values.
        squares: the weighted sum of their squared distances from the mean.
        low: the least of them.
        high: the largest of them.
    """

    weight: Float64[Tensor, " C"]
    mean: Float64[Tensor, " C"]
    squares: Float64[Tensor, " C"]
    low: Float64[Tensor, " C"]
    high: Float64[Tensor, " C"]

    def __add__(self, other: "Sums") -> "Sums":
        weight = self.weight + other.weight
        share = (other.weight / weight).nan_to_num()
        apart = torch.where(self.weight > 0, other.mean - self.mean, other.mean)
        mean = torch.where(self.weight > 0, self.mean, 0.0) + share * apart
        between = torch.where(self.weight > 0, self.weight * share * apart.square(), 0.0)
        return Sums(
            weight,
            torch.where(self.weight > 0, mean, other.mean),
            self.squares + other.squares + between,
            torch.minimum(self.low, other.low),
            torch.maximum(self.high, other.high),
        )

    @property
    def spread(self) -> Float64[Tensor, " C"]:
        """The standard deviation; 0 in a column whose values are all equal."""
        return (self.squares / self.weight).sqrt().masked_fill(self.low == self.high, 0.0)


class Moments:
    """Moments of C columns, row by row.

    Attributes:
        near: sums over the values that are not far out.
        low: the least value of all.
        high: the largest value of all.
        far: how many values are far out.
        missing: how many are NaN.
    """

    near: Sums
    low: Float64[Tensor, " C"]
    high: Float64[Tensor, " C"]
    far: Int64[Tensor, " C"]
    missing: Int64[Tensor, " C"]

    def __init__(
        self, values: Float64[Tensor, "N C"], weight: Float64[Tensor, " N"] | None
    ) -> None:
        units = column_units(values, weight)
        self._center = units.center.nan_to_num()
        reach = (LIMIT * units.spread).nan_to_num()
        self._reach = reach.masked_fill(reach == 0, torch.inf)
        none = torch.zeros_like(self._center)
        self.low, self.high = none + torch.inf, none - torch.inf
        self.near = Sums(none, none, none, self.low, self.high)
        self.far, self.missing = none.long(), none.long()
        self.update(values, weight)

    def update(self, values: Float64[Tensor, "N C"], weight: Float64[Tensor, " N"] | None) -> None:
        """See some rows; at least one."""
        low, high = values.aminmax(dim=0)
        farthest = torch.maximum(high - self._center, self._center - low)
        if (farthest <= self._reach).all():  # so there is no NaN either
            self._add(_sums(values, weight, low, high), low, high)
        else:
            self._update_with_gaps(values, weight)

    def _update_with_gaps(
        self, values: Float64[Tensor, "N C"], weight: Float64[Tensor, " N"] | None
    ) -> None:
        missing = values.isnan()
        far = (values - self._center).abs() > self._reach
        self.far = self.far + far.sum(0)
        self.missing = self.missing + missing.sum(0)
        low, high = _ends(values, ~missing)
        self._add(_sums_of(values, weight, ~(missing | far)), low, high)

    def _add(self, sums: Sums, low: Float64[Tensor, " C"], high: Float64[Tensor, " C"]) -> None:
        self.near = self.near + sums
        self.low, self.high = torch.minimum(self.low, low), torch.maximum(self.high, high)


def _sums(
    values: Float64[Tensor, "N C"],
    weight: Float64[Tensor, " N"] | None,
    low: Float64[Tensor, " C"],
    high: Float64[Tensor, " C"],
) -> Sums:
    if weight is None:
        variance, mean = torch.var_mean(values, 0, correction=0)
        rows = torch.full_like(mean, len(values))
        return Sums(rows, mean, variance * len(values), low, high)
    mean = weight @ values / weight.sum()
    squares = weight @ (values - mean).square()
    return Sums(weight.sum().expand_as(mean), mean, squares, low, high)


def _sums_of(
    values: Float64[Tensor, "N C"],
    weight: Float64[Tensor, " N"] | None,
    counts: Bool[Tensor, "N C"],
) -> Sums:
    each = counts.double() if weight is None else counts * weight[:, None]
    filled = values.masked_fill(~counts, 0.0)
    total = each.sum(0)
    mean = ((each * filled).sum(0) / total).nan_to_num()
    squares = (each * (filled - mean).square()).sum(0)
    return Sums(total, mean, squares, *_ends(values, counts))


def _ends(
    values: Float64[Tensor, "N C"], counts: Bool[Tensor, "N C"]
) -> tuple[Float64[Tensor, " C"], Float64[Tensor, " C"]]:
    low, _ = column_ends(values.masked_fill(~counts, torch.inf))
    _, high = column_ends(values.masked_fill(~counts, -torch.inf))
    return low, high

"""The center and the unit of columns: mean and standard deviation, where these mean something.

A column whose values are all equal has no spread. And a standard deviation is no unit where a
vanishing part of the rows makes it: one value of 1e9 among 500 of a standard normal gives 4.5e7.
Values count as far where all of this holds, which no ordinary tail does:

- they are at most one row, or a hundredth of the rows or of the weight;
- the nearest of them is 300 times as far from the median as the farthest of the rest, and more
  than 1000 standard deviations of the rest;
- with them the standard deviation is more than 10 times that of the rest;
- at least 20 rows of the rest, and 10 times as many as are far, differ from the median, so a
  column of zeros with a few ones has no far values.

Center and unit are then those of the rest. Sums are taken of values scaled by a power of two, so
squares neither overflow nor vanish, and columns of any magnitude get the same digits.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Float64, Int64
from torch import Tensor

from mdn.networks.weights import unit_weights

LIMIT = 1e3
"""Beyond so many units of the rest a value is absurd; a mean of 1e6 rows cannot have one."""

_GAP = 300.0
"""How many times as far out as the farthest of the rest far values are."""

_INFLATED = 10.0
"""How many times the spread of the rest far values make the standard deviation."""

_VANISHING = 0.01
"""The share of rows or weight that must not decide a unit."""

_FEWEST = 20
"""Rows that differ from the median, without which the rest has no spread to compare with."""

_PER_FAR = 10
"""Rows that differ from the median for each that is far."""

_ULPS = 4
"""Values that differ by so many roundings are equal."""

_TOGETHER = 16
_AT_ONCE = 2**22
"""Values that are summed up at once."""

_SLIP = 1e-6
"""The error of a mean, in ranges of its column, from which on it is corrected."""


@dataclass(frozen=True, eq=False)
class ColumnUnits:
    """Where the values of columns lie and how far they spread.

    Attributes:
        center: the mean of the rows that are not far.
        spread: their standard deviation; 0 in a column whose values are all equal.
        far: which values are so far out that they count for neither.
    """

    center: Float64[Tensor, " C"]
    spread: Float64[Tensor, " C"]
    far: Bool[Tensor, "N C"]

    @property
    def constant(self) -> Bool[Tensor, " C"]:
        """Which columns have one value only."""
        return self.spread == 0


def column_units(
    values: Float[Tensor, "N C"], weight: Float[Tensor, " N"] | None = None
) -> ColumnUnits:
    """Compute the center and the unit of each column.

    Args:
        values: finite, or NaN where missing.
        weight: how often each row counts, or None for once each; a common factor does not matter.
    """
    even = torch.ones(len(values), dtype=torch.float64, device=values.device)
    weight = even if weight is None else unit_weights(weight.detach().double())
    blocks = [_units_of(block, weight) for block in _column_blocks(values.detach())]
    return ColumnUnits(*(torch.cat(parts, -1) for parts in zip(*blocks, strict=True)))


def _column_blocks(values: Float[Tensor, "N C"]) -> list[Float[Tensor, "N _"]]:
    """Split many columns, because sums over all of them at once take three times their memory.

    Torch adds up 16 columns at a time, and one alone in another order: so the digits of a column
    do not depend on its block.
    """
    rows, columns = values.shape
    width = 2 if columns < _TOGETHER else _TOGETHER
    width *= max(1, _AT_ONCE // max(1, rows * width))
    starts = range(0, max(1, columns - 1), width)
    return [values[:, a : a + width if a + width < starts.stop else columns] for a in starts]


def _units_of(
    values: Float[Tensor, "N C"], weight: Float64[Tensor, " N"]
) -> tuple[Float64[Tensor, " C"], Float64[Tensor, " C"], Bool[Tensor, "N C"]]:
    eps = torch.finfo(values.dtype).eps
    values = values.double()
    some = _Columns.of(values, weight)
    center, spread = some.units(eps)
    far = torch.zeros_like(values, dtype=torch.bool)
    for column in some.suspects().tolist():
        far[:, column] = _far(values[:, column], weight, spread[column].item(), eps)
    changed = far.any(0).nonzero().squeeze(-1)
    if len(changed):
        rest = values[:, changed].masked_fill(far[:, changed], torch.nan)
        center[changed], spread[changed] = _Columns.of(rest, weight).units(eps)
    return center, spread, far


def column_ends(
    values: Float[Tensor, "N C"],
) -> tuple[Float[Tensor, " C"], Float[Tensor, " C"]]:
    """Return the least and the largest value of each column; NaN where one is missing."""
    whole = len(values) - len(values) % _TOGETHER
    if whole == 0:
        return values.amin(0), values.amax(0)
    # Torch compares 16 columns at once, and each of the others by itself: that is slow for few.
    wide = values[:whole].reshape(len(values) // _TOGETHER, -1)
    low, high = (each.view(_TOGETHER, -1) for each in (wide.amin(0), wide.amax(0)))
    rest = values[whole:]
    return torch.cat([low, rest]).amin(0), torch.cat([high, rest]).amax(0)


def effective_rows(weight: Float[Tensor, " N"]) -> float:
    """Count the rows of equal weight that would tell as much (Kish 1965)."""
    weight = unit_weights(weight.detach().double())
    return (weight.sum().square() / weight.square().sum()).item()


def far_remark(name: str, values: Float[Tensor, " N"], far: Bool[Tensor, " N"]) -> str:
    """Describe the far values of a column, in the first half of a sentence.

    Args:
        name: the column, as in "target 'y'".
        values: of the column; NaN is missing.
        far: which of them are far; at least one.
    """
    rest = values[~far & ~values.isnan()]
    center = rest.median()
    # Halves, because the distance of two finite numbers can overflow.
    nearest = (values[far] / 2 - center / 2).abs().min()
    times = (nearest / (rest / 2 - center / 2).abs().max()).item()
    count = int(far.sum())
    subject = f"one value of {name} is" if count == 1 else f"{count} values of {name} are"
    return f"{subject} at least {times:.0e} times further out than the other {len(rest)} rows"


class _Columns:
    """Columns as numbers of at most 1, and the share of each row.

    Args:
        values: what does not count is 0.
        share: of each row, in all columns or in each.
        low: the least value of each column.
        high: the largest.
        scale: what the values were divided by.
    """

    def __init__(
        self,
        values: Float64[Tensor, "N C"],
        share: Float64[Tensor, "N _"],
        low: Float64[Tensor, " C"],
        high: Float64[Tensor, " C"],
    ) -> None:
        self.scale = _power_of_two(torch.maximum(low.abs(), high.abs()))
        self.values = values * (1 / self.scale)
        self.low, self.high = low / self.scale, high / self.scale
        self.share = share
        self.mean, self.std = self._moments(share)

    @classmethod
    def of(cls, values: Float64[Tensor, "N C"], weight: Float64[Tensor, " N"]) -> "_Columns":
        counts = weight[:, None] > 0
        low, high = column_ends(values)
        if counts.all() and not (low + high).isnan().any():
            return cls(values, (weight / weight.sum())[:, None], low, high)
        counts = counts & ~values.isnan()
        share = counts * weight[:, None]
        low, _ = column_ends(values.masked_fill(~counts, torch.inf))
        _, high = column_ends(values.masked_fill(~counts, -torch.inf))
        return cls(values.masked_fill(~counts, 0.0), share / share.sum(0), low, high)

    def units(self, eps: float) -> tuple[Float64[Tensor, " C"], Float64[Tensor, " C"]]:
        """Mean and standard deviation; 0 where all values are equal but for rounding."""
        largest = torch.maximum(self.low.abs(), self.high.abs())
        constant = self.high - self.low <= _ULPS * eps * largest
        mean = torch.where(self.high == self.low, self.low, self.mean)
        return mean * self.scale, self.std.masked_fill(constant, 0.0) * self.scale

    def suspects(self) -> Int64[Tensor, " S"]:
        """Columns in which a vanishing part of the rows or of the weight may make the spread."""
        found = self._stands_out(self.mean, self.std)
        rows = (self.share > 0).double()
        if (self.share.amax(0) * rows.sum(0) > 1 + _SLIP).any():  # rows differ in weight
            found |= self._stands_out(*self._moments(rows / rows.sum(0)))
        return found.nonzero().squeeze(-1)

    def _stands_out(
        self, mean: Float64[Tensor, " C"], std: Float64[Tensor, " C"]
    ) -> Bool[Tensor, " C"]:
        farthest = torch.maximum(self.high - mean, mean - self.low)
        return farthest > 0.9 * max(_VANISHING, 1 / len(self.values)) ** -0.5 * std

    def _moments(
        self, share: Float64[Tensor, "N _"]
    ) -> tuple[Float64[Tensor, " C"], Float64[Tensor, " C"]]:
        mean = (share * self.values).sum(0)
        away = self.values - mean
        # Behind a large offset the mean itself has lost digits; elsewhere it stays as it is.
        slip = (share * away).sum(0)
        slip = torch.where(slip.abs() > _SLIP * (self.high - self.low), slip, 0.0)
        return mean + slip, away.sub_(slip).square_().mul_(share).sum(0).sqrt()


def _far(
    values: Float64[Tensor, " N"], weight: Float64[Tensor, " N"], spread: float, eps: float
) -> Bool[Tensor, " N"]:
    """Find the values of a column that are far."""
    rows = (~values.isnan() & (weight > 0)).nonzero().squeeze(-1)
    some, weight = values[rows], weight[rows]
    center = _weighted_median(some, weight)
    # Halves, because the distance of two finite numbers can overflow.
    distance, order = (some / 2 - center / 2).abs().sort(descending=True)
    differs = distance > _ULPS * eps * center.abs()
    share = (weight / weight.sum())[order]
    even = torch.full_like(share, 1 / len(share))
    far = torch.zeros_like(values, dtype=torch.bool)
    counts = {k for part in (share, even) for k in _few(distance, differs, part)}
    for k in sorted(counts, reverse=True):
        unit = _Columns.of(some[order[k:], None], weight[order[k:]]).units(eps)[1].item()
        if 2 * distance[k - 1] > LIMIT * unit and spread > _INFLATED * unit:
            far[rows[order[:k]]] = True
            break
    return far


def _few(
    distance: Float64[Tensor, " M"], differs: Bool[Tensor, " M"], share: Float64[Tensor, " M"]
) -> Iterator[int]:
    """Count the values that may be far: a vanishing part, behind a gap, of a rest that spreads."""
    gone = share.cumsum(0)[:-1]
    vanishing = gone <= _VANISHING
    vanishing[:1] = True
    gap = distance[:-1] > _GAP * distance[1:]
    rows = differs.sum() - torch.arange(1, len(distance), device=share.device)
    spreads = (rows >= _FEWEST) & ((share @ differs.double()) - gone >= _PER_FAR * gone)
    yield from ((vanishing & gap & spreads).nonzero().squeeze(-1) + 1).tolist()


def _weighted_median(
    values: Float64[Tensor, " M"], weight: Float64[Tensor, " M"]
) -> Float64[Tensor, ""]:
    ordered, order = values.sort()
    below = weight[order].cumsum(0)
    return ordered[int((below < below[-1] / 2).sum())]


def _power_of_two(largest: Float64[Tensor, "*of"]) -> Float64[Tensor, "*of"]:
    """A power of two near the numbers, and within the range in which it has a reciprocal."""
    exponent = torch.frexp(largest).exponent.clamp(-1000, 1000)
    return torch.exp2(exponent.double())

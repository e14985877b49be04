"""The profile of a table: all that anyone needs to know of the rows before training.

It holds nothing with one entry per row, so a table that is read in pieces can have one too. These
parts add up over pieces: numbers of rows and sums of weights, least and largest values, moments
about a shift, the fingerprint, and which columns are equal. A sample of rows serves for the rest:
for medians and deciles, hence for which values are far out, and for values that repeat, as a grid
or an atom that a sample does not show matters little.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float64
from torch import Tensor

from mdn.data.fingerprint import fingerprint
from mdn.data.repeats import Repeats, repeats_in
from mdn.data.seeds import generator
from mdn.networks.kinds import Category, Kind, numbers
from mdn.networks.units import (
    LIMIT,
    ColumnUnits,
    column_ends,
    column_units,
    effective_rows,
    far_remark,
)

_SAMPLE = 2_000
"""Rows that tell the deciles of a column."""


@dataclass(frozen=True, eq=False)
class ColumnProfile:
    """C columns: where their values lie and how far they spread.

    Attributes:
        names: of the columns.
        center: the mean of the values that are not far out.
        spread: their standard deviation; 0 in a column whose values are all equal.
        low: the least of them.
        high: the largest of them.
        size: the largest absolute value of all.
        decile_range: the distance from the first to the last decile of a sample.
        far: for each column that has values far out, the first half of a sentence about them.
    """

    names: list[str]
    center: Float64[Tensor, " C"]
    spread: Float64[Tensor, " C"]
    low: Float64[Tensor, " C"]
    high: Float64[Tensor, " C"]
    size: Float64[Tensor, " C"]
    decile_range: Float64[Tensor, " C"]
    far: dict[str, str]

    @property
    def constant(self) -> Bool[Tensor, " C"]:
        """Which columns have one value only."""
        return self.spread == 0

    def beyond(self, values: Float64[Tensor, "N C"]) -> Bool[Tensor, "N C"]:
        """Tell which values lie more than `LIMIT` spreads from the center."""
        return ((values - self.center).abs() > LIMIT * self.spread) & ~self.constant

    def outside(self, values: Float64[Tensor, "N C"]) -> Bool[Tensor, "N C"]:
        """Tell which values are far out, or beyond the limit."""
        return (values < self.low) | (values > self.high) | self.beyond(values)


@dataclass(frozen=True, eq=False)
class Profile:
    """What one pass over a table tells.

    Attributes:
        rows: how many rows there are.
        counted_rows: how many of them weigh something.
        effective_rows: how many rows of equal weight would tell as much.
        inputs: the columns of x that are no categories.
        targets: the columns of y.
        repeats: what repeats in each target.
        copies: pairs of an input and a target that are equal in every row.
        fingerprint: numbers by which the rows are known again.
        plain: whether the inputs are numbers without gaps.
    """

    rows: int
    counted_rows: int
    effective_rows: float
    inputs: ColumnProfile
    targets: ColumnProfile
    repeats: tuple[Repeats, ...]
    copies: tuple[tuple[str, str], ...]
    fingerprint: list[float]
    plain: bool = True

    @property
    def grid_steps(self) -> dict[str, float]:
        """The step of each target that lies on a grid, however fine."""
        return self._named([each.grid_step for each in self.repeats])

    @property
    def rounded_targets(self) -> dict[str, float]:
        """The step of each target that was rounded so coarsely that it matters."""
        return self._named([each.step for each in self.repeats])

    @property
    def fine_grid(self) -> dict[str, float]:
        """The step of each target that was rounded so finely that a density does not mind."""
        rounded = self.rounded_targets
        return {name: step for name, step in self.grid_steps.items() if name not in rounded}

    @property
    def atom_cells(self) -> dict[str, list[list[float]]]:
        """The ends of the cells of the atoms of each target that has some."""
        pairs = zip(self.targets.names, self.repeats, strict=True)
        return {name: [[*ends] for ends in each.cells] for name, each in pairs if each.cells}

    def _named(self, steps: Sequence[float | None]) -> dict[str, float]:
        pairs = zip(self.targets.names, steps, strict=True)
        return {name: step for name, step in pairs if step is not None}


def profile_of(
    x: Float64[Tensor, "N P"],
    y: Float64[Tensor, "N D"],
    weight: Float64[Tensor, " N"] | None,
    input_names: list[str],
    target_names: list[str],
    kinds: Sequence[Kind],
) -> Profile:
    """Compute the profile of rows in memory; there is at least one."""
    scalar = [i for i, kind in enumerate(kinds) if not isinstance(kind, Category)]
    ordered, names = (
        (x, input_names)
        if len(scalar) == len(kinds)
        else (
            x[:, scalar],
            [input_names[i] for i in scalar],
        )
    )
    counted = len(y) if weight is None else int((weight > 0).sum())
    effective = float(len(y)) if weight is None else effective_rows(weight)
    return Profile(
        rows=len(y),
        counted_rows=counted,
        effective_rows=effective,
        inputs=_columns("input", names, ordered, column_units(ordered, weight)),
        targets=_columns("target", target_names, y, column_units(y, weight)),
        repeats=tuple(_repeats(column, weight) for column in y.T),
        copies=tuple(_copies(ordered, y, names, target_names)),
        fingerprint=fingerprint([x, y] if weight is None else [x, y, weight]),
        plain=tuple(kinds) == numbers(len(kinds)),
    )


def _repeats(values: Float64[Tensor, " N"], weight: Float64[Tensor, " N"] | None) -> Repeats:
    there = ~values.isnan()
    if there.all():
        return repeats_in(values, weight)
    return repeats_in(values[there], None if weight is None else weight[there])


def _columns(
    kind: str, names: list[str], values: Float64[Tensor, "N C"], units: ColumnUnits
) -> ColumnProfile:
    low, high = _ends(values)
    size = torch.maximum(low.abs(), high.abs())
    far = {}
    for i in units.far.any(0).nonzero().squeeze(-1).tolist():
        column, which = values[:, i], units.far[:, i]
        low[i], high[i] = column[~which & ~column.isnan()].aminmax()
        far[names[i]] = far_remark(f"{kind} {names[i]!r}", column, which)
    deciles = _decile_range(_sample(values))
    return ColumnProfile(names, units.center, units.spread, low, high, size, deciles, far)


def _ends(
    values: Float64[Tensor, "N C"],
) -> tuple[Float64[Tensor, " C"], Float64[Tensor, " C"]]:
    """The least and the largest value of each column; NaN is missing."""
    low, high = column_ends(values)
    if not low.isnan().any():
        return low, high
    low, _ = column_ends(values.nan_to_num(nan=torch.inf))
    _, high = column_ends(values.nan_to_num(nan=-torch.inf))
    return low, high


def _decile_range(sample: Float64[Tensor, "M C"]) -> Float64[Tensor, " C"]:
    ordered, there = sample.sort(0).values, (~sample.isnan()).sum(0)  # NaN comes last
    tenth = (there - 1).clamp(min=0) // 10
    first, last = tenth, (there - 1 - tenth).clamp(min=0)
    return (ordered.gather(0, last[None]) - ordered.gather(0, first[None])).squeeze(0)


def _sample(values: Float64[Tensor, "N C"]) -> Float64[Tensor, "M C"]:
    """Draw at random: rows may come in turns, of which every k-th row shows one only."""
    if len(values) <= _SAMPLE:
        return values
    return values[torch.randint(len(values), (_SAMPLE,), generator=generator("deciles"))]


def _copies(
    x: Float64[Tensor, "N P"],
    y: Float64[Tensor, "N D"],
    input_names: list[str],
    target_names: list[str],
) -> list[tuple[str, str]]:
    targets = list(zip(target_names, y.T, strict=True))
    inputs = zip(input_names, x.T, strict=True)
    return [(one, other) for one, a in inputs for other, b in targets if _equal(a, b)]


def _equal(one: Float64[Tensor, " N"], other: Float64[Tensor, " N"]) -> bool:
    """Tell whether an input equals a target in every row that has the target."""
    if not other.isnan().any():
        return torch.equal(one, other)
    return bool((one == other)[~other.isnan()].all()) and not bool(other.isnan().all())

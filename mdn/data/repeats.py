"""Targets whose values repeat: on them a density wins by spikes.

A Gaussian of standard deviation s on a value that a share p of the rows have earns them p log 1/s
nats, without bound as s shrinks: such a likelihood says how low the floor is, and nothing of the
data. Values repeat in two ways. An atom is one value with a share of its own, as zero rainfall. A
grid is what rounding leaves: all values are whole steps apart.

Values that differ by less than `FINEST` are taken for one, so neither the noise of arithmetic
(0.1 + 0.2) nor single precision hides a repetition; and a grid that is finer is none, for no
component of a usual floor is narrower.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Float64
from torch import Tensor

from mdn.data.table import Table

FINEST = 1e-3
"""The finest grid there is, in spreads of the values."""

COARSE = 0.05
"""From which step on a grid matters, in spreads of the values."""

ATOM = 0.05
"""From which share of the rows on a value is an atom."""

_FEWEST_ROWS = 5
"""Rows with one value that are more than chance."""

_OUTSTANDING = 3
"""How many times as often as its neighbours an atom occurs on a grid, where all values repeat."""

_AGREE = 0.02
"""How likely two rows agree where values repeat too much, though none is an atom."""

_OFF_GRID = 0.01
"""How far from a whole number of steps a value may be, in steps."""

_SAME = 1e-9
"""How far apart, in spreads, values are the same but for the noise of arithmetic."""


@dataclass(frozen=True)
class Repeats:
    """What repeats in the values of one target, where it matters to a density.

    Attributes:
        step: of the grid that the values lie on, in their units; None for no grid.
        relative_step: the same in standard deviations of the values.
        num_values: how many different values there are.
        atoms: values with a share of their own and that share, the largest first.
    """

    step: float | None
    relative_step: float
    num_values: int
    atoms: tuple[tuple[float, float], ...]

    def __bool__(self) -> bool:
        return self.step is not None or bool(self.atoms)


def repeats_in(values: Float[Tensor, " N"], weight: Float[Tensor, " N"] | None = None) -> Repeats:
    """What repeats in the values of a target.

    Args:
        values: one for each row.
        weight: how often each row counts.
    """
    values = values.double()
    levels = _levels(values, weight)
    step = grid_step(values) if levels.mostly_shared else None
    if step is None or step < COARSE * _spread(values):
        return Repeats(None, 0.0, len(levels.value), levels.at(levels.atoms()))
    relative = step / values.std(correction=0).item()
    on_grid = levels.atoms() & levels.outstanding()
    return Repeats(step, relative, len(levels.value), levels.at(on_grid))


def grid_step(values: Float[Tensor, " N"]) -> float | None:
    """The largest step that all values are whole numbers of apart; None where there is none.

    That values lie on a grid shows in some that repeat: continuous ones are all different.
    """
    values = values.double()
    distinct, finest = values.unique(), FINEST * _spread(values)
    gaps = distinct.diff()
    gaps = gaps[gaps > finest]
    if len(gaps) == 0 or len(gaps) + 1 == len(values):
        return None
    step = _common_step(gaps.unique().tolist(), finest)
    return _fitted(step, distinct - distinct[0])


def rounded_targets(table: Table) -> dict[str, float]:
    """The targets that were rounded so coarsely that it matters, and their steps."""
    found = {name: repeats_in(y, table.weight).step for name, y in _targets(table)}
    return {name: step for name, step in found.items() if step is not None}


def remarks(table: Table, grids: bool = True) -> list[str]:
    """What was seen, and what to do, for every target whose values repeat.

    Args:
        table: the rows.
        grids: whether grids are to be remarked on, and not only atoms.
    """
    found = [(name, repeats_in(y, table.weight)) for name, y in _targets(table)]
    return [
        _remark(name, repeats, len(table))
        for name, repeats in found
        if repeats and (grids or repeats.step is None)
    ]


def _targets(table: Table) -> list[tuple[str, Float64[Tensor, " N"]]]:
    return list(zip(table.target_names, table.y.T, strict=True))


def _remark(name: str, repeats: Repeats, rows: int) -> str:
    if repeats.step is None:
        return (
            f"target {name!r} {_shares(repeats.atoms)}: there a density wins by a spike as narrow "
            "as the floor, and its likelihood tells little of the rest. Raise the floor "
            "(family.min_scale=0.05) and read test/crps of an evaluation beside test/nll"
        )
    atoms = f", and {_shares(repeats.atoms)}" if repeats.atoms else ""
    return (
        f"target {name!r} lies on a grid of step {repeats.step:g} ({repeats.num_values} different "
        f"values in {rows} rows, a step of {repeats.relative_step:.2g} standard deviations)"
        f"{atoms}: a density wins by spikes on the grid. Read test/grid_nll, which spikes cannot "
        "win, beside test/nll; family.min_scale=grid or data.dequantize=true keeps spikes away"
    )


def _shares(atoms: Sequence[tuple[float, float]]) -> str:
    shown = [f"{value:g} in {100 * share:.0f} %" for value, share in atoms[:3]]
    more = f" (and {len(atoms) - 3} more such values)" if len(atoms) > 3 else ""
    return f"is {', '.join(shown)} of the rows{more}"


@dataclass(frozen=True, eq=False)
class _Levels:
    """The different values in order, the share of each, and how many rows have it."""

    value: Float64[Tensor, " V"]
    share: Float64[Tensor, " V"]
    rows: Float64[Tensor, " V"]

    @property
    def mostly_shared(self) -> bool:
        """Whether at least half of the rows have the value of another."""
        return bool(self.rows[self.rows > 1].sum() >= 0.5 * self.rows.sum())

    def atoms(self) -> Bool[Tensor, " V"]:
        """Which values have a share of their own; at least one if any two rows often agree."""
        large = self.share >= ATOM
        if self.share.square().sum() >= _AGREE:
            large |= self.share == self.share.max()
        return large & (self.rows >= _FEWEST_ROWS)

    def outstanding(self) -> Bool[Tensor, " V"]:
        """Which values are far more frequent than those beside them."""
        before, after = (self.share.roll(by) for by in (1, -1))
        before[0] = after[-1] = 0
        return self.share >= _OUTSTANDING * torch.maximum(before, after)

    def at(self, which: Bool[Tensor, " V"]) -> tuple[tuple[float, float], ...]:
        """Values and shares, the largest share first."""
        share, order = self.share[which].sort(descending=True)
        return tuple(zip(self.value[which][order].tolist(), share.tolist(), strict=True))


def _levels(values: Float64[Tensor, " N"], weight: Float[Tensor, " N"] | None) -> _Levels:
    ordered, order = values.sort()
    noise = 4 * torch.finfo(values.dtype).eps * ordered.abs().max() + _SAME * _spread(values)
    begins = torch.cat([ordered.new_ones(1) > 0, ordered.diff() > noise])
    which = begins.cumsum(0) - 1
    weight = torch.ones_like(values) if weight is None else weight.double()
    none = torch.zeros_like(ordered[begins])
    share = none.index_add(0, which, weight[order] / weight.sum())
    return _Levels(ordered[begins], share, none.index_add(0, which, torch.ones_like(values)))


def _spread(values: Float64[Tensor, " N"]) -> float:
    """The standard deviation, or what the middle half has for one where that is less.

    A few values far out would make every grid look fine.
    """
    std, ordered = values.std(correction=0).item(), values.sort().values
    quarter = len(values) // 4
    middle = (ordered[-1 - quarter] - ordered[quarter]).item() / 1.349
    return min(std, middle) if middle > 0 else std


def _common_step(gaps: Sequence[float], finest: float) -> float:
    """The greatest common divisor of numbers that are known to within `finest`."""
    step = gaps[0]
    for gap in gaps[1:]:
        rest = abs(gap - step * round(gap / step))
        while rest > finest:
            step, rest = rest, abs(step - rest * round(step / rest))
    return step


def _fitted(step: float, away: Float64[Tensor, " V"]) -> float | None:
    """The step that fits best, if all distances are whole numbers of it."""
    steps = (away / step).round()
    step = ((steps @ away) / (steps @ steps)).item()
    off = (away / step - steps).abs().max()
    return step if off <= _OFF_GRID else None

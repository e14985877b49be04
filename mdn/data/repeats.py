"""Values of a target that repeat: a density wins by spikes on them.

A Gaussian of standard deviation s on a value that a share p of the rows have earns them p log 1/s
nats, without bound as s shrinks: such a likelihood says how low the floor is, and nothing of the
data. Values repeat in two ways. An atom is one value with a share of its own, as zero rainfall. A
grid is what rounding leaves: all values are whole steps apart.

Values that differ by less than `FINEST` count as equal, so neither the noise of arithmetic
(0.1 + 0.2) nor single precision hides a repetition; and a finer grid does not matter, since no
component is narrower than the usual floor.

The cell of an atom reaches half the way to the values next to it, on a side without values as far
as on the other one. These are not the very nearest values, which come closer the more rows there
are, but the nearest twentieth as many rows as the atom has, half of them on each side: the cell
tells the atom from other values as well as rows can, and holds few of them.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Float64
from torch import Tensor

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

_BESIDE = 0.05
"""How many other rows, for each row of an atom, are near enough to bound the cell of the atom."""

_MOST_CELLS = 200
"""Values on no grid that have cells; of more, each has too small a share to matter."""

_AGREE = 0.02
"""How likely two rows agree where values repeat too much, though none is an atom."""

_OFF_GRID = 0.01
"""How far from a whole number of steps a value may be, in steps."""

_SAME = 1e-9
"""How far apart, in spreads, values are the same but for the noise of arithmetic."""


@dataclass(frozen=True)
class Repeats:
    """Repetitions among the values of one target.

    Attributes:
        grid_step: the largest step that all values are whole numbers of apart, in their units;
            None where there is none.
        matters: whether the grid is so coarse, and so many rows share their values, that a
            density wins by spikes on it.
        relative_step: the step in standard deviations of the values; 0 without a grid.
        num_values: how many different values there are.
        atoms: values with a share of their own and that share, the largest first.
        cells: the ends between which a value is taken for one that repeats, in order; none on a
            grid that matters, whose steps tell as much.
    """

    grid_step: float | None
    matters: bool
    relative_step: float
    num_values: int
    atoms: tuple[tuple[float, float], ...]
    cells: tuple[tuple[float, float], ...] = ()

    def __bool__(self) -> bool:
        return self.matters or bool(self.atoms)

    @property
    def step(self) -> float | None:
        """The step of a grid that matters; None without one."""
        return self.grid_step if self.matters else None


def repeats_in(values: Float[Tensor, " N"], weight: Float[Tensor, " N"] | None = None) -> Repeats:
    """Find what repeats in the values of a target.

    Args:
        values: one for each row.
        weight: how often each row counts.
    """
    ordered, weight = _in_order(values.double(), weight)
    spread, std = _spread(ordered), ordered.std(correction=0).item()
    levels = _levels(ordered, weight, spread)
    step = _grid_step(ordered, spread)
    matters = step is not None and levels.mostly_shared and step >= COARSE * spread
    atoms = levels.atoms() & levels.outstanding() if matters else levels.atoms()
    relative = 0.0 if step is None else step / std
    cells = () if matters else levels.cells(levels.apart() if step is None else atoms, step)
    return Repeats(step, matters, relative, len(levels.value), levels.at(atoms), cells)


def grid_step(values: Float[Tensor, " N"]) -> float | None:
    """Find the largest step that all values are whole numbers of apart; None without one.

    A grid shows in values that repeat: continuous ones are all different.
    """
    ordered, _ = _in_order(values.double())
    return _grid_step(ordered, _spread(ordered))


def _in_order(
    values: Float64[Tensor, " N"], weight: Float[Tensor, " N"] | None = None
) -> tuple[Float64[Tensor, " N"], Float[Tensor, " N"] | None]:
    if weight is None:  # NumPy sorts numbers alone thirty times as fast as torch
        return torch.from_numpy(np.sort(values.numpy())), None
    ordered, order = values.sort()
    return ordered, weight[order]


def _grid_step(ordered: Float64[Tensor, " N"], spread: float) -> float | None:
    distinct, finest = ordered.unique_consecutive(), FINEST * spread
    gaps = distinct.diff()
    gaps = gaps[gaps > finest]
    if len(gaps) == 0 or len(gaps) + 1 == len(ordered):
        return None
    if finest == 0 or torch.isinf(gaps.max() / finest):  # the spread leaves the range of float64
        return None
    step = _common_step(gaps.unique().tolist(), finest)
    return _fitted(step, distinct - distinct[0])


@dataclass(frozen=True, eq=False)
class _Levels:
    """The different values in order, the share of each, and how many rows have it."""

    value: Float64[Tensor, " V"]
    share: Float64[Tensor, " V"]
    rows: Float64[Tensor, " V"]

    @property
    def mostly_shared(self) -> bool:
        """Tell whether at least half of the rows have the value of another."""
        return bool(self.rows[self.rows > 1].sum() >= 0.5 * self.rows.sum())

    def atoms(self) -> Bool[Tensor, " V"]:
        """Tell which values have a share of their own; at least one if any two rows often agree."""
        large = self.share >= ATOM
        if self.share.square().sum() >= _AGREE:
            large |= self.share == self.share.max()
        return large & (self.rows >= _FEWEST_ROWS)

    def outstanding(self) -> Bool[Tensor, " V"]:
        """Tell which values are far more frequent than those beside them."""
        before, after = (self.share.roll(by) for by in (1, -1))
        before[0] = after[-1] = 0
        return self.share >= _OUTSTANDING * torch.maximum(before, after)

    def at(self, which: Bool[Tensor, " V"]) -> tuple[tuple[float, float], ...]:
        """List values and their shares, the largest share first."""
        share, order = self.share[which].sort(descending=True)
        return tuple(zip(self.value[which][order].tolist(), share.tolist(), strict=True))

    def apart(self) -> Bool[Tensor, " V"]:
        """Tell which values have cells: the atoms, or all of the few that most rows share."""
        frequent = self.rows >= _FEWEST_ROWS
        few = self.mostly_shared and int(frequent.sum()) <= _MOST_CELLS
        return self.atoms() | frequent if few else self.atoms()

    def cells(
        self, which: Bool[Tensor, " V"], step: float | None
    ) -> tuple[tuple[float, float], ...]:
        """List the ends of the cells of some values; on a grid they lie between its points."""
        ends = []
        for i in which.nonzero().squeeze(-1).tolist():
            below, above = (_on_grid(half, step) for half in self._halves(i))
            ends.append((self.value[i].item() - below, self.value[i].item() + above))
        return tuple(ends)

    def _halves(self, i: int) -> tuple[float, float]:
        """Half the way from a value to those next to it, below and above."""
        distance, enough = (self.value - self.value[i]).abs(), _BESIDE * self.share[i].item() / 2
        below = _half_way(distance[:i].flip(0), self.share[:i].flip(0), enough)
        above = _half_way(distance[i + 1 :], self.share[i + 1 :], enough)
        if below is None and above is None:  # hardly anything but this value
            below = _half_way(*_nearest(distance, self.share), (1 - self.share[i].item()) / 2)
        return below or above or 0.0, above or below or 0.0


def _half_way(
    distance: Float64[Tensor, " V"], share: Float64[Tensor, " V"], enough: float
) -> float | None:
    """Half the distance within which other values have a share, nearest first; None if none do."""
    place = int(torch.searchsorted(share.cumsum(0), enough))
    return distance[place].item() / 2 if place < len(distance) else None


def _nearest(
    distance: Float64[Tensor, " V"], share: Float64[Tensor, " V"]
) -> tuple[Float64[Tensor, " W"], Float64[Tensor, " W"]]:
    """Distances of the others in order, and their shares."""
    ordered, order = distance.sort()
    return ordered[1:], share[order][1:]


def _on_grid(half: float, step: float | None) -> float:
    return half if step is None else (max(round(half / step), 1) - 0.5) * step


def _levels(
    ordered: Float64[Tensor, " N"], weight: Float[Tensor, " N"] | None, spread: float
) -> _Levels:
    noise = 4 * torch.finfo(ordered.dtype).eps * ordered.abs().max() + _SAME * spread
    begins = torch.cat([ordered.new_ones(1) > 0, ordered.diff() > noise])
    which = begins.cumsum(0) - 1
    weight = torch.ones_like(ordered) if weight is None else weight.double()
    none = torch.zeros_like(ordered[begins])
    share = none.index_add(0, which, weight / weight.sum())
    return _Levels(ordered[begins], share, none.index_add(0, which, torch.ones_like(ordered)))


def _spread(ordered: Float64[Tensor, " N"]) -> float:
    """Compute the standard deviation, or take what the middle half suggests where that is less.

    A few values far out would make every grid look fine.
    """
    std, quarter = ordered.std(correction=0).item(), len(ordered) // 4
    middle = (ordered[-1 - quarter] - ordered[quarter]).item() / 1.349
    return min(std, middle) if middle > 0 else std


def _common_step(gaps: Sequence[float], finest: float) -> float:
    """Find the greatest common divisor of numbers that are known to within `finest`."""
    step = gaps[0]
    for gap in gaps[1:]:
        rest = abs(gap - step * round(gap / step))
        while rest > finest:
            step, rest = rest, abs(step - rest * round(step / rest))
    return step


def _fitted(step: float, away: Float64[Tensor, " V"]) -> float | None:
    """Find the step that fits best, if all distances are whole numbers of it."""
    steps = (away / step).round()
    step = ((steps @ away) / (steps @ steps)).item()
    off = (away / step - steps).abs().max()
    return step if off <= _OFF_GRID else None

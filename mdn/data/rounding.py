"""Rounded targets: the floor that their grid suggests, noise that undoes it, and remarks.

A density p of y + h u, with u uniform on (-1/2, 1/2), has by Jensen's inequality E log p(y + h u)
<= log of p's mean over the cell around y: its likelihood is a lower bound of the score that spikes
cannot win (Theis et al. 2016). The noise is drawn once, before anything sees the rows, so that
standardization, the start of a fit and exact EM see the same rows as gradient descent.
"""

import math
from collections.abc import Sequence
from dataclasses import replace
from functools import singledispatch

import torch
from jaxtyping import Float64
from torch import Tensor

from mdn.data.profile import Profile
from mdn.data.repeats import Repeats
from mdn.data.rows import Rows
from mdn.data.table import Table


def grid_floor(profile: Profile) -> float:
    """Compute the standard deviation h / sqrt(12) of what rounding to steps of h took away.

    It is in units of the standardized targets. One floor serves all targets, so the least of
    them counts.

    Args:
        profile: of the training rows, as they are.

    Raises:
        ValueError: if a target lies on no grid.
    """
    steps = profile.grid_steps
    for name in profile.targets.names:
        if name not in steps:
            raise ValueError(
                f"`min_scale=grid`, and target {name!r} lies on no grid that could be a floor "
                "to all targets; set a number, or `dequantize=True` for the targets that do"
            )
    spreads = zip(profile.targets.names, profile.targets.spread.tolist(), strict=True)
    return min(steps[name] / spread for name, spread in spreads) / math.sqrt(12)


@singledispatch
def dequantized(table: Table, generator: torch.Generator) -> Rows:
    """Spread each target that lies on a grid over the cells of its grid.

    Args:
        table: the rows.
        generator: of the noise.

    Raises:
        ValueError: if no target lies on a grid.
    """
    return spread(table, cell_widths(table.profile), generator)


def spread(table: Table, widths: Float64[Tensor, " D"], generator: torch.Generator) -> Table:
    """Add uniform noise of some widths to targets."""
    noise = torch.rand(table.y.shape, generator=generator, dtype=table.y.dtype) - 0.5
    return replace(table, y=table.y + noise * widths)


def cell_widths(profile: Profile) -> Float64[Tensor, " D"]:
    """Return the step of the grid of each target; 0 for a target that lies on none.

    Raises:
        ValueError: if no target lies on a grid.
    """
    steps, names = profile.grid_steps, profile.targets.names
    if not steps:
        raise ValueError(
            f"`dequantize=True`, and no target ({', '.join(names)}) lies on a grid "
            "that a thousandth of its spread would tell; leave it out"
        )
    return torch.tensor([steps.get(name, 0.0) for name in names], dtype=torch.float64)


def rounding_remarks(profile: Profile, grids: bool = True) -> list[str]:
    """Say for every target whose values repeat what was seen, and what to do.

    Args:
        profile: of the training rows, as they are.
        grids: whether to remark on grids too, and not only on atoms.
    """
    pairs = zip(profile.targets.names, profile.repeats, strict=True)
    return [
        _remark(name, repeats, profile.rows)
        for name, repeats in pairs
        if repeats and (grids or repeats.step is None)
    ]


def _remark(name: str, repeats: Repeats, rows: int) -> str:
    if repeats.step is None:
        return (
            f"target {name!r} {_shares(repeats.atoms)}: there a density wins by a spike as narrow "
            "as the floor, and its likelihood tells little of the rest. Raise the floor "
            "(`min_scale=0.05`) and read test/crps of an evaluation beside test/nll"
        )
    atoms = f", and {_shares(repeats.atoms)}" if repeats.atoms else ""
    return (
        f"target {name!r} lies on a grid of step {repeats.step:g} ({repeats.num_values} different "
        f"values in {rows} rows, a step of {repeats.relative_step:.2g} standard deviations)"
        f"{atoms}: a density wins by spikes on the grid. Read test/grid_nll, which spikes cannot "
        "win, beside test/nll; `min_scale=grid` or `dequantize=True` keeps spikes away"
    )


def _shares(atoms: Sequence[tuple[float, float]]) -> str:
    shown = [f"{value:g} in {100 * share:.0f} %" for value, share in atoms[:3]]
    more = f" (and {len(atoms) - 3} more such values)" if len(atoms) > 3 else ""
    return f"is {', '.join(shown)} of the rows{more}"

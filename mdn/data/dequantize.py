"""Rounded targets made continuous again: uniform noise of one step of their grid.

A density p of y + h u, with u uniform on (-1/2, 1/2), has by Jensen's inequality E log p(y + h u)
<= log of p's mean over the cell around y: its likelihood is a lower bound of the score that spikes
cannot win (Theis et al. 2016).

The noise is drawn once, before anything sees the rows: so the start of a fit, its standardisation
and exact EM are of the same rows as its gradient.
"""

from dataclasses import replace

import torch
from torch import Tensor

from mdn.data.repeats import grid_step
from mdn.data.table import Table


def dequantized(table: Table, generator: torch.Generator) -> Table:
    """The same rows with each target that lies on a grid spread over the cells of its grid.

    Args:
        table: the rows.
        generator: of the noise.

    Raises:
        ValueError: if no target lies on a grid.
    """
    steps = [grid_step(values) for values in table.y.T]
    if not any(steps):
        raise ValueError(
            f"data.dequantize=true, and no target ({', '.join(table.target_names)}) lies on a grid "
            "that a thousandth of its spread would tell; leave it out"
        )
    noise = torch.rand(table.y.shape, generator=generator, dtype=table.y.dtype) - 0.5
    return replace(table, y=table.y + noise * _widths(steps, table.y))


def _widths(steps: list[float | None], like: Tensor) -> Tensor:
    return like.new_tensor([step or 0.0 for step in steps])

"""The floor on standard deviations that the grid of rounded targets gives."""

import math
from typing import Any

from mdn.data.repeats import grid_step
from mdn.data.table import Table
from mdn.networks.standardize import Standardizer
from mdn.training.datamodule import TableModule

GRID = "grid"
"""What `family.min_scale` says to have the floor of the grid."""


def with_floor(config: dict[str, Any], data: TableModule) -> dict[str, Any]:
    """The configuration with `family.min_scale=grid` replaced by a number.

    Raises:
        ValueError: if it asks for that and a target lies on no grid.
    """
    model = config["model"]
    if model["family"]["min_scale"] != GRID:
        return config
    family = model["family"] | {"min_scale": grid_floor(data.learnable)}
    return config | {"family": family, "model": model | {"family": family}}


def grid_floor(table: Table) -> float:
    """The standard deviation h / sqrt(12) of what rounding to steps of h took away.

    In units of the standardised targets; of several targets the least, for one floor is for all.

    Args:
        table: the training rows, as they are.

    Raises:
        ValueError: if a target lies on no grid.
    """
    stds = Standardizer(len(table.target_names)).fit(table.y, table.weight).factor.tolist()
    steps = [grid_step(values) for values in table.y.T]
    for name, step in zip(table.target_names, steps, strict=True):
        if step is None:
            raise ValueError(
                f"family.min_scale=grid, and target {name!r} lies on no grid that could be a floor "
                "to all targets; set a number, or data.dequantize=true for the targets that do"
            )
    pairs = zip(steps, stds, strict=True)
    return min(step / std for step, std in pairs if step is not None) / math.sqrt(12)

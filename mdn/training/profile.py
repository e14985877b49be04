"""What a recipe must know of the training rows to turn its open settings into numbers."""

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

from mdn.data.repeats import grid_step
from mdn.data.table import Table
from mdn.networks.standardize import Standardizer


class Profile(ABC):
    """What is asked of the training rows.

    Attributes:
        num_read: rows as they were read.
        num_rows: those of them that are learned from.
        num_counted: those of them that have a weight above zero.
    """

    num_read: int
    num_rows: int
    num_counted: int

    @abstractmethod
    def grid_floor(self) -> float:
        """Return the standard deviation that rounding took away, in standardized units.

        Raises:
            ValueError: if a target lies on no grid.
        """


class RowsProfile(Profile):
    """The profile of rows in memory.

    Args:
        num_read: rows as they were read.
        table: those of them that are learned from, before any noise.
    """

    def __init__(self, num_read: int, table: Table) -> None:
        weight = table.weight
        self.num_read, self.num_rows = num_read, len(table)
        self.num_counted = self.num_rows if weight is None else int((weight > 0).sum())
        self._table = table

    def grid_floor(self) -> float:
        # Rounding to steps of h takes h / sqrt(12) away; one floor is for all targets: the least.
        table = self._table
        stds = Standardizer(len(table.target_names)).fit(table.y, table.weight).factor.tolist()
        steps = [_step(*each) for each in zip(table.target_names, table.y.T, strict=True)]
        return min(step / std for step, std in zip(steps, stds, strict=True)) / math.sqrt(12)


@dataclass
class AssumedRows(Profile):
    """The profile that stands in where nobody has seen a row yet: a thousand ordinary ones."""

    num_read: int = 1000
    num_rows: int = 1000
    num_counted: int = 1000

    def grid_floor(self) -> float:
        raise ValueError(
            "min_scale is 'grid', and there are no rows whose grid could decide it; set a number"
        )


def _step(name: str, values: Float[Tensor, " N"]) -> float:
    step = grid_step(values)
    if step is None:
        raise ValueError(
            f"min_scale=grid, and target {name!r} lies on no grid that could be a floor to all "
            "targets; set a number, or dequantize=true for the targets that do"
        )
    return step

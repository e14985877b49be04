"""Rows to learn from and rows to score, as a published protocol splits a set."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Float64, Int
from torch import Tensor

from benchmarks.tables.problem import Problem
from benchmarks.tables.scores import cells_of
from mdn.data.table import Table
from mdn.metrics import Cells


@dataclass(frozen=True, eq=False)
class Split:
    """One split of a set.

    Attributes:
        train: the rows to learn from.
        test: the rows to score.
        steps: of the grid of each target whose cells are scored; 0 where the density is.
        seed: of every draw of a fit.
        truth: the exact log density of the test rows, where the set knows it.
        files: the files that the rows are from, where a contender may read them itself.
    """

    train: Table
    test: Table
    steps: Float64[Tensor, " D"]
    seed: int
    truth: Float64[Tensor, " M"] | None = None
    files: Problem | None = None

    @property
    def cells(self) -> Cells:
        """Return the cells by which calibration is judged: of grids, however fine, and atoms."""
        return cells_of(self.train)


def split_of_arrays(
    x: np.ndarray[Any, Any], y: np.ndarray[Any, Any], test: Int[np.ndarray, " M"], seed: int
) -> Split:
    """Split rows of numbers; a target is scored by its cells where its grid matters.

    Args:
        x: inputs, [N, P].
        y: targets, [N] or [N, D].
        test: which rows to score; all others are learned from.
        seed: of every draw of a fit.
    """
    chosen = np.zeros(len(x), bool)
    chosen[test] = True
    train, others = (Table.from_arrays(x[rows], y[rows]) for rows in (~chosen, chosen))
    return Split(train, others, steps_of(train, train.profile.rounded_targets), seed)


def steps_of(table: Table, steps: dict[str, float]) -> Float64[Tensor, " D"]:
    """Return the step of each target of a table; 0 for one without a step."""
    each = [steps.get(name, 0.0) for name in table.target_names]
    return torch.tensor(each, dtype=torch.float64)

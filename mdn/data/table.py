"""Rows of data in memory: inputs, targets, weights and the names of the columns."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float64, Int64
from torch import Tensor


@dataclass(frozen=True, eq=False)
class Table:
    """N rows of P inputs and D targets, in the user's units.

    Float64, because a date in seconds or a count beyond 2^24 loses digits in float32;
    standardisation comes before any network, and what it leaves fits in float32.

    Attributes:
        weight: how often each row counts, or None for once each.
    """

    x: Float64[Tensor, "N P"]
    y: Float64[Tensor, "N D"]
    weight: Float64[Tensor, " N"] | None
    input_names: list[str]
    target_names: list[str]

    def __len__(self) -> int:
        return len(self.y)

    def __getitem__(self, rows: slice | Int64[Tensor, " M"]) -> "Table":
        """Some rows, as a table."""
        weight = None if self.weight is None else self.weight[rows]
        return replace(self, x=self.x[rows], y=self.y[rows], weight=weight)

    def counted(self) -> "Table":
        """Keep the rows of positive weight, scaled so that the largest weight is 1."""
        if self.weight is None:
            return self
        rows = (self.weight > 0).nonzero().squeeze(-1)
        weight = self.weight[rows]
        largest = weight.max() if len(rows) else 1.0
        return replace(self, x=self.x[rows], y=self.y[rows], weight=weight / largest)

    @property
    def tensors(self) -> tuple[Tensor, ...]:
        """(x, y), or (x, y, weight) where rows are weighted: what a batch is made of."""
        return (self.x, self.y) if self.weight is None else (self.x, self.y, self.weight)

    def split(self, fractions: Sequence[float], generator: torch.Generator) -> list["Table"]:
        """Random parts of the rows: one for each fraction, then what they leave.

        A row belongs to exactly one part. The parts before one do not depend on its fraction.
        """
        sizes = [round(fraction * len(self)) for fraction in fractions]
        order = torch.randperm(len(self), generator=generator)
        parts = order.split([*sizes, len(self) - sum(sizes)])
        return [self[rows] for rows in parts]

"""What a model never saw in training: numbers far outside, new levels, values missing as never.

A number is far outside where it lies beyond the range of the training rows by more than a tenth of
the width of that range. A level is new where the model does not know it: it was not there in
training, or too rare to learn from.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import singledispatch

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from mdn.model.card import ModelCard
from mdn.networks.kinds import Category, Kind
from mdn.networks.standardize import Standardizer

_MARGIN = 0.1
"""How far beyond the range of the training rows a number may lie, in widths of that range."""


def ranges_of(units: Standardizer, x: Float[Tensor, "N P"]) -> list[list[float]]:
    """Return the least and the largest value of each column, as plain data.

    Values that are absurdly far out do not count; a column without values has an empty range.

    Args:
        units: fitted to these rows.
        x: training rows.
    """
    limits = zip(units.shift, units.limit * units.factor, strict=True)
    return [_range(x[:, i], *each) for i, each in enumerate(limits)]


def _range(values: Float[Tensor, " N"], center: Tensor, reach: Tensor) -> list[float]:
    there = values[(values - center).abs() <= reach]
    return [end.item() for end in there.aminmax()] if len(there) else []


@dataclass(frozen=True, eq=False)
class Novelty:
    """Which inputs of N rows are unlike all that training saw, each [N, P].

    Attributes:
        far: numbers far outside.
        level: levels that the model does not know.
        missing: values that are missing where no training row lacked one.
    """

    far: Bool[Tensor, "N P"]
    level: Bool[Tensor, "N P"]
    missing: Bool[Tensor, "N P"]

    @classmethod
    def of(cls, card: ModelCard, x: Float[Tensor, "N P"]) -> "Novelty":
        """Compare rows with what a card says of the training rows."""
        kinds = card.fitted_kinds
        ranges = card.ranges or [[] for _ in kinds]
        known = [_known(kind, pair) for kind, pair in zip(kinds, ranges, strict=True)]
        low, high = x.new_tensor(known).view(-1, 2).unbind(1)
        outside = (x < low) | (x > high)
        levels = _flags([isinstance(kind, Category) for kind in kinds], x)
        whole = _flags([not kind.missing for kind in kinds], x)
        return cls(outside & ~levels, outside & levels, x.isnan() & whole)

    def names(self, inputs: Sequence[str]) -> list[list[str]]:
        """Return the names of the inputs that are new, for each row."""
        found: list[list[str]] = [[] for _ in self.far]
        for row, column in (self.far | self.level | self.missing).nonzero().tolist():
            found[row].append(inputs[column])
        return found


def _flags(values: Sequence[bool], x: Tensor) -> Bool[Tensor, " P"]:
    return torch.tensor(values, dtype=torch.bool, device=x.device)


@singledispatch
def _known(kind: Kind, pair: Sequence[float]) -> tuple[float, float]:
    """Return between which numbers there is nothing new."""
    low, high = pair or (-torch.inf, torch.inf)
    margin = _MARGIN * (high - low) if pair else 0.0
    return low - margin, high + margin


@_known.register
def _known_levels(kind: Category, pair: Sequence[float]) -> tuple[float, float]:
    return 0.0, len(kind.levels) - 1.0

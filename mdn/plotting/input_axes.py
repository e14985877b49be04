"""Axes of inputs: numbers, moments, and levels, of which each has a place of its own."""

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import torch
from jaxtyping import Float
from matplotlib.axes import Axes
from torch import Tensor

from mdn.plotting.style import escape_dollars, limits, sample_rows

_QUANTILES = [0.9, 0.7, 0.5, 0.3, 0.1]
_MOST_SLICES = len(_QUANTILES)
_MOST_LEVELS = 20
"""Levels with a place on an axis."""

_LONGEST = 16
"""Letters of a level on an axis."""


class InputAxis(ABC):
    """How the values of one input are drawn."""

    @abstractmethod
    def edges(self, values: Float[Tensor, " N"], count: int) -> Float[Tensor, " E"]:
        """Return the edges of the columns of a picture, about `count` of them."""

    @abstractmethod
    def slices(self, values: Float[Tensor, " N"]) -> Float[Tensor, " S"]:
        """Return some values that stand for all, each once."""

    @abstractmethod
    def usual(self, values: Float[Tensor, " N"]) -> float:
        """Return a value that is nothing special."""

    @abstractmethod
    def text(self, value: float) -> str:
        """Return a value in letters."""

    @abstractmethod
    def groups(self, values: Float[Tensor, " N"], count: int) -> list[Tensor]:
        """Return the rows of groups that are alike in the input, at most `count`."""

    @abstractmethod
    def between(self, name: str, values: Float[Tensor, " N"]) -> str:
        """Return what some values of an input have in common, with its name."""

    @abstractmethod
    def mark(self, axes: Axes) -> None:
        """Write the values along the lower side of a picture, where numbers would not do."""

    @property
    def is_ordered(self) -> bool:
        """Whether the distance of two values means something."""
        return True


class NumberAxis(InputAxis):
    """The axis of numbers."""

    def edges(self, values: Float[Tensor, " N"], count: int) -> Float[Tensor, " E"]:
        return torch.linspace(*limits(values), count + 1, dtype=values.dtype)

    def slices(self, values: Float[Tensor, " N"]) -> Float[Tensor, " S"]:
        sample = values[sample_rows(len(values), 100_000)]
        levels = values.new_tensor(_QUANTILES)
        return sample.quantile(levels, interpolation="nearest").unique().flip(0)

    def usual(self, values: Float[Tensor, " N"]) -> float:
        return values.nanmedian().item()

    def text(self, value: float) -> str:
        return f"{value:.4g}"

    def groups(self, values: Float[Tensor, " N"], count: int) -> list[Tensor]:
        return thin_slices(values, count)

    def between(self, name: str, values: Float[Tensor, " N"]) -> str:
        low, high = values.aminmax()
        return f"{low:.3g} ≤ {name} ≤ {high:.3g}"

    def mark(self, axes: Axes) -> None:
        pass


class TimeAxis(NumberAxis):
    """The axis of moments, in seconds since 1970."""

    def text(self, value: float) -> str:
        try:
            return f"{datetime.fromtimestamp(value, UTC):%Y-%m-%d}"
        except (ValueError, OverflowError, OSError):
            return super().text(value)

    def between(self, name: str, values: Float[Tensor, " N"]) -> str:
        low, high = values.aminmax()
        return f"{self.text(low.item())} ≤ {name} ≤ {self.text(high.item())}"

    def mark(self, axes: Axes) -> None:
        axes.locator_params(axis="x", nbins=5)
        axes.xaxis.set_major_formatter(lambda value, position: self.text(value))
        axes.tick_params(axis="x", labelrotation=30)


@dataclass(frozen=True)
class LevelAxis(InputAxis):
    """The axis of a category, whose values are the numbers of its levels.

    Attributes:
        levels: in letters.
    """

    levels: Sequence[str]

    def edges(self, values: Float[Tensor, " N"], count: int) -> Float[Tensor, " E"]:
        most = min(values.max().item(), _MOST_LEVELS - 1)
        return torch.arange(math.floor(most) + 2, dtype=values.dtype) - 0.5

    def slices(self, values: Float[Tensor, " N"]) -> Float[Tensor, " S"]:
        level, count = values.unique(return_counts=True)
        return level[count.sort(descending=True, stable=True).indices[:_MOST_SLICES]]

    def usual(self, values: Float[Tensor, " N"]) -> float:
        present = values[~values.isnan()]
        return present.mode().values.item() if len(present) else math.nan

    def text(self, value: float) -> str:
        code = int(value)
        return escape_dollars(self.levels[code] if code < len(self.levels) else "others")

    def groups(self, values: Float[Tensor, " N"], count: int) -> list[Tensor]:
        return [(values == code).nonzero().squeeze(-1) for code in self.slices(values)[:count]]

    def between(self, name: str, values: Float[Tensor, " N"]) -> str:
        return f"{name}: {_short(self.text(values[0].item()))}"

    def mark(self, axes: Axes) -> None:
        low, high = axes.get_xlim()
        codes = range(math.ceil(low), math.floor(high) + 1)
        names = [_short(self.text(code)) for code in codes]
        tilted = max(map(len, names), default=0) * len(names) > 40
        axes.set_xticks(list(codes), names)
        if tilted:
            for label in axes.get_xticklabels():
                label.set(rotation=30, ha="right", rotation_mode="anchor")

    @property
    def is_ordered(self) -> bool:
        return False


def number_axes(count: int) -> list[InputAxis]:
    """Return the axes of numbers."""
    return [NumberAxis() for _ in range(count)]


def _short(name: str) -> str:
    return name if len(name) <= _LONGEST else name[: _LONGEST - 1] + "…"


def thin_slices(values: Float[Tensor, " N"], panels: int) -> list[Tensor]:
    """Return the rows of thin slices around evenly spaced quantiles, in order of the value."""
    order, count = values.argsort(), len(values)
    half = max(10, min(count // (2 * panels), round(2 * count**0.5))) // 2 + 1
    middles = [round((2 * i + 1) * count / (2 * panels)) for i in range(panels)]
    return [order[max(0, middle - half) : middle + half] for middle in middles]

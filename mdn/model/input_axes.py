"""How the inputs of a table are drawn, by their kinds."""

from collections.abc import Sequence
from functools import singledispatch

from mdn.networks.kinds import Boolean, Category, Kind, Time
from mdn.plotting.input_axes import InputAxis, LevelAxis, NumberAxis, TimeAxis


def input_axes(kinds: Sequence[Kind]) -> list[InputAxis]:
    """Return the axis of each input."""
    return [_axis(kind) for kind in kinds]


@singledispatch
def _axis(kind: Kind) -> InputAxis:
    return NumberAxis()


@_axis.register
def _of_moments(kind: Time) -> InputAxis:
    return TimeAxis()


@_axis.register
def _of_truth(kind: Boolean) -> InputAxis:
    return LevelAxis(("false", "true"))


@_axis.register
def _of_levels(kind: Category) -> InputAxis:
    return LevelAxis(kind.levels)

"""Settings that are open, and what stands for them until they are numbers.

A constructor says by its types which of its settings may be open: `depth: int | Auto`. The words
`auto` and `grid` follow from the rows and become numbers in `mdn.training.recipe`, before anything
is trained; what is `HeldOut` is decided by `mdn.training.choose`, on rows that were not learned
from. Whoever needs the number before is told so.
"""

from dataclasses import dataclass
from typing import Literal, TypeVar

Auto = Literal["auto"]
"""A size that follows from the number of rows."""

Grid = Literal["grid"]
"""A number that follows from the grid of rounded targets."""

ByHeldOut = Literal["held_out"]
"""A number that rows decide which were not learned from, within the range that there is."""


@dataclass(frozen=True)
class HeldOut:
    """A number that rows which were not learned from decide, within a range.

    Attributes:
        least: the smallest that may be chosen; a tenth by default.
        most: the largest; ten by default.

    Raises:
        ValueError: if there is nothing between them.
    """

    least: float = 0.1
    most: float = 10.0

    def __post_init__(self) -> None:
        if not self.least <= self.most:
            raise ValueError(f"least must be at most {self.most!r}, got {self.least!r}")


Number = TypeVar("Number", int, float)


def decided(name: str, value: Number | Auto | Grid) -> Number:
    """Return the number that a setting is.

    Raises:
        ValueError: if it is still open.
    """
    if isinstance(value, str):
        raise ValueError(
            f"{name} is {value!r}, which only the rows can turn into a number; set a number here, "
            "or leave it to mdn.fit"
        )
    return value

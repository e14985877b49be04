"""The kinds of input columns, and how many features a network gets from each.

All inputs of a row are one row of float64 numbers:

    Number     the value
    Boolean    0 or 1
    Category   the number of the level in `levels`, or their count for any other level
    Time       seconds since 1970-01-01 UTC

and NaN where the value is missing. A kind is fitted on the training rows: it holds the levels that
are known from there, and whether a value was ever missing, so the number of its features follows
from it alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass

DAY = 86_400.0
"""Seconds of a day."""

WEEK, YEAR = 7 * DAY, 365.2425 * DAY
"""Seconds of a week, and of a year on average."""


@dataclass(frozen=True)
class Number:
    """A number.

    Attributes:
        missing: whether a training row lacks it.
    """

    missing: bool = False

    @property
    def num_features(self) -> int:
        """The value, and a mark for a missing one."""
        return 1 + self.missing


@dataclass(frozen=True)
class Boolean(Number):
    """True or false, as 1 or 0."""


@dataclass(frozen=True)
class Time(Number):
    """A date or a moment.

    Attributes:
        missing: whether a training row lacks it.
        cycles: periods in seconds, of each of which sine and cosine are features.
    """

    cycles: Sequence[float] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "cycles", tuple(self.cycles))
        if not all(0 < cycle < float("inf") for cycle in self.cycles):
            raise ValueError(f"cycles must be seconds above 0, got {list(self.cycles)!r:.100}")

    @property
    def num_features(self) -> int:
        """The moment, two for each cycle, and a mark for a missing one."""
        return 1 + 2 * len(self.cycles) + self.missing


@dataclass(frozen=True)
class Category:
    """One of several levels.

    Attributes:
        levels: as text, the most frequent first.
        missing: whether a training row lacks it.
        other: whether a training row has a level that is not among them.
    """

    levels: Sequence[str] = ()
    missing: bool = False
    other: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "levels", tuple(self.levels))
        if len(set(self.levels)) < len(self.levels):
            raise ValueError(f"levels must be different, got {list(self.levels)!r:.200}")

    @property
    def num_features(self) -> int:
        """One for each level, for the other ones, and for a missing one."""
        return len(self.levels) + self.other + self.missing


Kind = Number | Boolean | Time | Category
"""A kind of column."""

KINDS: dict[str, type[Kind]] = {
    "number": Number,
    "boolean": Boolean,
    "time": Time,
    "category": Category,
}
"""Kinds by name."""


def numbers(count: int) -> tuple[Kind, ...]:
    """Return the kinds of columns of numbers without gaps."""
    return (Number(),) * count


def count_features(kinds: Sequence[Kind]) -> int:
    """Count the features of columns."""
    return sum(kind.num_features for kind in kinds)

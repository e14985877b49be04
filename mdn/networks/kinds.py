"""The kinds of input columns, and how many features a network gets from each.

All inputs of a row are one row of float64 numbers:

    Number     the value
    Boolean    0 or 1
    Category   the number of the level in `levels`, or their count for any other level
    Time       seconds since 1970-01-01 UTC

and NaN where the value is missing. A kind is fitted on the training rows: it holds the levels that
are known from there, and whether a value was ever missing, so the number of its features follows
from it alone. A kind is read from a stranger's file: what makes features is bounded.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from mdn.distributions.checks import check_at_least, check_one_of

DAY = 86_400.0
"""Seconds of a day."""

WEEK, YEAR = 7 * DAY, 365.2425 * DAY
"""Seconds of a week, and of a year on average."""

SCALINGS = ("standard", "robust", "quantile")
"""How a number is brought to the size of 1, as `Number` has it."""

_MOST = 256
"""The most pieces, waves or cycles of one column."""

_MOST_FEATURES = 1_000_000
"""The most features of all columns."""

_MOST_PRINCIPAL = 1000
"""The most columns with principal components, which take the square of their number."""

_NO_CYCLES: Sequence[float] = ()
_NO_ZONE: bool | None = None


@dataclass(frozen=True)
class Kind:
    """What a column holds, and which features a network gets from it.

    Attributes:
        missing: whether a training row lacks a value; a feature marks the rows that do.
        has_value: whether the value itself is a feature.
        scaling: how it is brought to the size of 1.
        pieces: features that are a piecewise linear code of the value.
        waves: frequencies, of each of which sine and cosine of the value are features.
        principal: whether it is one of the columns whose principal components are features.
        cycles: periods in seconds, of each of which sine and cosine are features.
        zoned: whether it is a moment with a time zone; None where that is unknown.
    """

    # Without annotations, for a subclass makes fields of those that it has.
    missing = False
    has_value = True
    scaling = "standard"
    pieces = 0
    waves = 0
    principal = False
    cycles = _NO_CYCLES
    zoned = _NO_ZONE

    @property
    def num_levels(self) -> int:
        """How many features there are of which one, that of the row's level, is 1."""
        return 0

    @property
    def unseen(self) -> float:
        """What a row holds whose level training never saw."""
        return 0.0

    @property
    def num_features(self) -> int:
        """How many features a network gets."""
        value = self.has_value + self.principal + self.pieces
        return value + 2 * (self.waves + len(self.cycles)) + self.missing + self.num_levels

    def shaped(self, scaling: str, pieces: int, waves: int, principal: bool) -> "Kind":
        """Return the kind with other features of its value, if it is a plain number."""
        return self


@dataclass(frozen=True)
class Number(Kind):
    """A number.

    Attributes:
        missing: whether a training row lacks it.
        scaling: "standard" takes the mean for 0 and the standard deviation for 1; "robust" the
            median and the range of the middle half, and bends what is far towards 3 (Holzmueller
            et al. 2024, arXiv 2407.04491); "quantile" makes the training rows normal.
        pieces: of a piecewise linear code between quantiles, beside the value (Gorishniy et al.
            2022, arXiv 2203.05556).
        waves: frequencies, of each of which sine and cosine are features beside the value.
        principal: whether it is one of the columns whose principal components, one for each of
            them, are features beside the values.

    Raises:
        ValueError: on an unknown scaling, and on numbers out of range.
    """

    missing: bool = False
    scaling: str = "standard"
    pieces: int = 0
    waves: int = 0
    principal: bool = False

    def __post_init__(self) -> None:
        check_shape(self.scaling, self.pieces, self.waves)

    def shaped(self, scaling: str, pieces: int, waves: int, principal: bool) -> Kind:
        usual = Number(self.missing)
        return Number(self.missing, scaling, pieces, waves, principal) if self == usual else self


@dataclass(frozen=True)
class Boolean(Kind):
    """True or false, as 1 or 0.

    Attributes:
        missing: whether a training row lacks it.
    """

    missing: bool = False


@dataclass(frozen=True)
class Time(Kind):
    """A date or a moment.

    Attributes:
        missing: whether a training row lacks it.
        cycles: periods in seconds, of each of which sine and cosine are features.
        zoned: whether it has a time zone, as a date or the time of a local clock has none; None
            where nobody looked.

    Raises:
        ValueError: on a cycle that is no number of seconds, and on too many.
    """

    missing: bool = False
    cycles: Sequence[float] = ()
    zoned: bool | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "cycles", tuple(self.cycles))
        _check_few("cycles", len(self.cycles))
        if not all(0 < cycle < float("inf") for cycle in self.cycles):
            raise ValueError(f"cycles must be seconds above 0, got {list(self.cycles)!r:.100}")


@dataclass(frozen=True)
class Category(Kind):
    """One of several levels.

    Attributes:
        levels: as text, the most frequent first.
        missing: whether a training row lacks it.
        other: whether a training row has a level that is not among them.

    Raises:
        ValueError: if a level is there twice.
    """

    levels: Sequence[str] = ()
    missing: bool = False
    other: bool = False
    has_value = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "levels", tuple(self.levels))
        if len(set(self.levels)) < len(self.levels):
            raise ValueError(f"levels must be different, got {list(self.levels)!r:.200}")

    @property
    def num_levels(self) -> int:
        return len(self.levels) + self.other

    @property
    def unseen(self) -> float:
        return float(len(self.levels))


KINDS: dict[str, type[Kind]] = {
    "number": Number,
    "boolean": Boolean,
    "time": Time,
    "category": Category,
}
"""Kinds by name."""

_WORDS = {made: word for word, made in KINDS.items()}


def kind_word(kind: Kind) -> str:
    """Return what a kind is called: its name, or that of its class for one from outside."""
    return _WORDS.get(type(kind), type(kind).__name__)


def numbers(count: int) -> tuple[Kind, ...]:
    """Return the kinds of columns of numbers without gaps."""
    return (Number(),) * count


def count_features(kinds: Sequence[Kind]) -> int:
    """Count the features of columns.

    Raises:
        ValueError: if they are more than any network can take, or principal components of too
            many columns are among them.
    """
    count = sum(kind.num_features for kind in kinds)
    if count > _MOST_FEATURES:
        raise ValueError(
            f"a network takes at most {_MOST_FEATURES} features, and {len(kinds)} inputs make "
            f"{count}; leave out categories of many levels, or use fewer pieces or waves"
        )
    turned = sum(kind.principal for kind in kinds)
    if turned > _MOST_PRINCIPAL:
        raise ValueError(
            f"principal components are of at most {_MOST_PRINCIPAL} columns, got {turned}; leave "
            "columns out, or set `principal=False`"
        )
    return count


def check_shape(scaling: str, pieces: int, waves: int) -> None:
    """Refuse features of a number that there are not, or too many.

    Raises:
        ValueError: with the setting, what it is and what it must be.
    """
    check_one_of("scaling", scaling, SCALINGS)
    for name, count in {"pieces": pieces, "waves": waves}.items():
        check_at_least(name, count, 0)
        _check_few(name, count)


def _check_few(name: str, count: int) -> None:
    if count > _MOST:
        raise ValueError(f"{name} must be at most {_MOST}, got {count!r:.20}")

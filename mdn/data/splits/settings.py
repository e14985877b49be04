"""What a split goes by."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

Key = str | int
"""A column by name, or by position."""

_UNITS = {"s": 1.0, "min": 60.0, "h": 3600.0, "d": 86_400.0, "w": 604_800.0}
"""Seconds of each unit of a gap."""

_GAP = re.compile(rf"(\d+(?:\.\d+)?) ?({'|'.join(_UNITS)})")


@dataclass(frozen=True)
class SplitBy:
    """The columns that a split goes by; without any, rows are split at random.

    Attributes:
        part: the column that names the part of each row.
        groups: columns whose values together tell a group, which stays in one part.
        time: the column of the time: the last rows are for the test, those before for validation.
        gap: what lies between the times of two parts at least: a number in the unit of the column,
            or a text such as "7d", "12h" or "30min" for dates.

    Raises:
        ValueError: on a gap that is none, a gap without a time, or both a part and a time.
    """

    part: Key | None = None
    groups: tuple[Key, ...] = ()
    time: Key | None = None
    gap: float | str | None = None

    def __post_init__(self) -> None:
        if self.part is not None and self.time is not None:
            raise ValueError(
                f"split_by={self.part} and time_by={self.time} both tell the part of a row; leave "
                "out one of them"
            )
        if self.gap is not None and self.time is None:
            raise ValueError(
                f"time_gap={self.gap} is between the times of two parts, and there is no `time_by`"
            )
        gap_size(self.gap)

    @classmethod
    def of(
        cls,
        part: Key | None,
        groups: Sequence[Key] | Key | None,
        time: Key | None,
        gap: float | str | None,
    ) -> "SplitBy":
        """Make one of settings in which a group of one column needs no list."""
        single = isinstance(groups, str | int)
        return cls(part, (groups,) if single else tuple(groups or ()), time, gap)

    @property
    def columns(self) -> list[Key]:
        """All columns that must be read."""
        return [key for key in (self.part, *self.groups, self.time) if key is not None]

    @property
    def no_inputs(self) -> list[Key]:
        """The columns that are no inputs unless they are named as such."""
        return [key for key in (self.part, *self.groups) if key is not None]

    @property
    def gap_size(self) -> float:
        """The gap as a number, in seconds where it is a text."""
        return gap_size(self.gap)


def gap_size(gap: float | str | None) -> float:
    """Return a gap as a number, in seconds where it is a text.

    Raises:
        ValueError: if it is no gap.
    """
    if gap is None:
        return 0.0
    found = _GAP.fullmatch(gap.strip()) if isinstance(gap, str) else None
    if found:
        return float(found[1]) * _UNITS[found[2]]
    if isinstance(gap, str) or not 0 <= gap < float("inf"):
        raise ValueError(
            f"time_gap must be a number of at least 0, or a text such as 7d, 12h or 30min, got "
            f"{gap!r:.100}"
        )
    return float(gap)

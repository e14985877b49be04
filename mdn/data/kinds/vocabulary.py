"""The levels of a column and how often each occurs, counted piece by piece in constant memory."""

from collections.abc import Iterator

import numpy as np

from mdn.data.kinds.arrow_values import Levels

_MOST = 50_000
"""Levels that are kept; twice as many are counted at a time."""

_LONGEST = 500
"""Letters of a text that may be a level."""


class Vocabulary:
    """Counts of levels; of too many, the most frequent so far are kept.

    Attributes:
        counts: rows of each level that is kept, in the order in which they came.
        rows: how many rows there were.
        missing: how many of them lack a value.
        complete: whether every level was kept.
    """

    def __init__(self) -> None:
        self.counts: dict[str, int] = {}
        self.rows = self.missing = 0
        self.complete = True

    def update(self, levels: Levels) -> None:
        """Count the rows of a piece."""
        numbers = np.bincount(levels.rows + 1, minlength=1 + len(levels.texts)).tolist()
        self.rows += len(levels.rows)
        self.missing += numbers[0]
        for text, rows in zip(levels.texts, numbers[1:], strict=True):
            self._count(text, rows)
        if len(self.counts) > 2 * _MOST:
            self._keep_most()

    def _count(self, text: str, rows: int) -> None:
        if len(text) > _LONGEST:
            self.complete = False
        elif rows:
            self.counts[text] = self.counts.get(text, 0) + rows

    def _keep_most(self) -> None:
        kept = {text for text, _ in self.most_common()[:_MOST]}
        self.counts = {text: rows for text, rows in self.counts.items() if text in kept}
        self.complete = False

    @property
    def present(self) -> int:
        """How many rows have a value."""
        return self.rows - self.missing

    @property
    def all_differ(self) -> bool:
        """Whether no value that is kept occurs twice."""
        return max(self.counts.values(), default=1) == 1

    def repeated(self, times: int) -> int:
        """Count the rows whose level has so many rows."""
        return sum(rows for rows in self.counts.values() if rows >= times)

    def most_common(self) -> list[tuple[str, int]]:
        """Return the levels and their rows, the most frequent first."""
        return sorted(self.counts.items(), key=lambda item: -item[1])

    def levels(self) -> tuple[str, ...]:
        """Return the levels, the most frequent first, so many as are kept."""
        return tuple(text for text, _ in self.most_common()[:_MOST])

    def __iter__(self) -> Iterator[tuple[str, int]]:
        return iter(self.counts.items())

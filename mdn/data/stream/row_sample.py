"""A sample of rows from a stream: those with the smallest numbers that were drawn for them.

It depends neither on the order nor on the pieces in which the rows come, and samples of parts of a
stream can be joined.
"""

import torch

from mdn.data.stream.row_draws import row_draws
from mdn.data.stream.source import Chunk
from mdn.data.table import Table, joined

_MOST_ROWS = 2**16
_FEWEST_ROWS = 2**13
_BYTES = 2**25


class RowSample:
    """At most `capacity` rows of a stream, each as likely as any other.

    Args:
        capacity: the most rows that are kept.
        seed: of the draw.
    """

    def __init__(self, capacity: int, seed: int) -> None:
        self.capacity = capacity
        self.seed = seed
        self._held: list[Chunk] = []
        self._bound = 1.0

    def update(self, chunk: Chunk) -> None:
        """See some rows."""
        drawn = row_draws(chunk.numbers, "sample", self.seed)
        rows = (drawn < self._bound).nonzero().squeeze(-1)
        if len(rows):
            self._held.append(chunk[rows])
        if sum(len(each.numbers) for each in self._held) >= 2 * self.capacity:
            self._held = [self._smallest()]

    def table(self) -> Table:
        """Return the sample, in the order of the file."""
        kept = self._smallest()
        return kept.table[kept.numbers.argsort()]

    def _smallest(self) -> Chunk:
        numbers = torch.cat([each.numbers for each in self._held])
        held = Chunk(numbers, joined([each.table for each in self._held]))
        if len(numbers) <= self.capacity:
            return held
        drawn = row_draws(numbers, "sample", self.seed)
        smallest = drawn.topk(self.capacity, largest=False)
        self._bound = smallest.values.max().item()
        return held[smallest.indices]


def sample_rows(columns: int) -> int:
    """Return how many rows of so many columns a sample holds."""
    return max(_FEWEST_ROWS, min(_MOST_ROWS, _BYTES // (8 * max(1, columns))))

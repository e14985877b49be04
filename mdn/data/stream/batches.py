"""Mini-batches of rows that stay in their file.

Rows are shuffled within a window, which a thread reads and shuffles while the batches before it are
in use. Where a window holds all rows, they come exactly as from memory.
"""

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Int64
from torch import Tensor

from mdn.data.batches import Blocks, Share, check_enough_rows, num_batches
from mdn.data.position import Position
from mdn.data.seeds import generator
from mdn.data.stream.ahead import ahead
from mdn.data.stream.order import in_turns, read_stretch, share_of, stretches
from mdn.data.stream.window import Window
from mdn.data.table import Table
from mdn.distributions.checks import check_at_least

_WINDOW_BYTES = 2**24
_MOST_AT_ONCE = 4
"""Row groups that are read in turns, of which each holds a page of every column."""

_COLUMNS_AT_ONCE = 64
_FEWEST_BATCHES = 8
"""Batches that a window holds at least, however wide the rows are."""


@runtime_checkable
class GroupedRows(Protocol):
    """Rows that are read by row groups."""

    @property
    def rows_of_groups(self) -> Int64[Tensor, " G"]:
        """How many rows there are in each row group."""
        ...

    @property
    def num_columns(self) -> int:
        """How many numbers a row has."""
        ...

    def read(self, group: int) -> Iterator[Table]:
        """Read the rows of a row group, in order."""
        ...


class StreamedBatches:
    """Mini-batches, each a tuple of some rows of every tensor, as `mdn.data.batches.Batches` is.

    Args:
        rows: where they are read.
        batch_size: the most rows in a batch of one rank.
        seed: of the order of the rows; None leaves them as they are.
        share: which of the rows, in which epoch.
        window_bytes: about how much is shuffled together.

    Raises:
        ValueError: on a batch size below one, or fewer rows than ranks.
    """

    def __init__(
        self,
        rows: GroupedRows,
        batch_size: int,
        seed: int | None,
        share: Share,
        window_bytes: int = _WINDOW_BYTES,
    ) -> None:
        check_at_least("batch_size", batch_size, 1)
        self._counts = rows.rows_of_groups.tolist()
        check_enough_rows(sum(self._counts), share.world_size)
        self._rows = rows
        self.batch_size = batch_size
        self.seed = seed
        self.share = share
        window_rows = window_bytes // (8 * rows.num_columns)
        self.window_rows = max(window_rows, _FEWEST_BATCHES * batch_size)
        self._position = Position(share.world_size)

    def __len__(self) -> int:
        """Count the batches of this rank; every rank has as many."""
        return num_batches(sum(self._counts), self.batch_size, self.share.world_size)

    def in_blocks(self, size: int) -> Blocks:
        """Group the batches, at most so many in a block."""
        return Blocks(self, size)

    def rows_of(self, number: int) -> None:
        """Return None: a row is not counted while it is read."""

    def state_dict(self) -> dict[str, int]:
        """Tell how many batches have been taken, in which epoch."""
        return self._position.state_dict()

    def load_state_dict(self, state: Mapping[str, int]) -> None:
        """Have the next pass over that epoch begin behind the batches that were taken."""
        self._position.load_state_dict(state)

    def __iter__(self) -> Iterator[tuple[Tensor, ...]]:
        epoch = self.share.epoch()
        taken = self._position.begin(epoch, len(self))
        for batch in islice(self._batches(epoch), taken, None):
            self._position.take()
            yield tuple(tensor.to(self.share.device) for tensor in batch)

    @property
    def _num_rows(self) -> int:
        begin, end = share_of(sum(self._counts), self.share.rank, self.share.world_size)
        return end - begin

    def _batches(self, epoch: int) -> Iterator[tuple[Tensor, ...]]:
        """Cut windows into batches, one of which may come from two windows."""
        rest: tuple[Tensor, ...] = ()
        sizes = iter(_sizes(self._num_rows, len(self)))
        size = next(sizes)
        for window in ahead(self._windows(epoch)):
            taken = 0
            while (missing := size - _length(rest)) <= len(window) - taken:
                part = tuple(each[taken : taken + missing] for each in window.tensors)
                yield _behind(rest, part)
                rest, taken, size = (), taken + missing, next(sizes, self._num_rows + 1)
            rest = _behind(rest, tuple(each[taken:] for each in window.tensors))

    def _windows(self, epoch: int) -> Iterator[Table]:
        if self.seed is None:
            yield from self._tables(list(range(len(self._counts))), 1)
        elif self._num_rows <= self.window_rows:
            tables = self._tables(list(range(len(self._counts))), 1)
            yield from _shuffled(tables, self._num_rows, generator("order", self.seed, epoch))
        else:
            order = torch.randperm(
                len(self._counts), generator=generator("groups", self.seed, epoch)
            )
            tables = self._tables(order.tolist(), _MOST_AT_ONCE)
            draws = generator("windows", self.seed, epoch, self.share.rank)
            yield from _shuffled(tables, self.window_rows, draws)

    def _tables(self, order: list[int], at_once: int) -> Iterator[Table]:
        share = self.share
        parts = stretches(self._counts, order, share.rank, share.world_size)
        at_once = min(at_once, _COLUMNS_AT_ONCE // self._rows.num_columns or 1)
        return in_turns([read_stretch(self._rows.read, part) for part in parts], at_once)


def _sizes(rows: int, batches: int) -> list[int]:
    """Sizes of batches that differ by at most one."""
    ends = (share_of(rows, i, batches) for i in range(batches))
    return [end - begin for begin, end in ends]


def _length(tensors: tuple[Tensor, ...]) -> int:
    return len(tensors[0]) if tensors else 0


def _behind(rest: tuple[Tensor, ...], part: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    if _length(rest) == 0:
        return part
    return tuple(torch.cat(pair) for pair in zip(rest, part, strict=True))


def _shuffled(tables: Iterator[Table], window_rows: int, draws: torch.Generator) -> Iterator[Table]:
    """Fill windows, and yield the rows of each in a random order."""
    window = Window(window_rows)
    for table in tables:
        window.add(table)
        if window.full:
            yield window.emptied(draws)
    if len(window):
        yield window.emptied(draws)

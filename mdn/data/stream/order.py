"""The order in which a process reads rows in an epoch: a function of the seed and the epoch.

The row groups stand in a random order, one behind the other. Each process takes an equal share of
this line, so all have the same number of rows; where a share ends within a row group, two processes
read it. A process reads several row groups in turns, so rows that lie far apart in the file come
into one window.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from mdn.data.table import Table


@dataclass(frozen=True)
class Stretch:
    """Consecutive rows of a row group, of those that belong to the part.

    Attributes:
        group: the row group.
        begin: the first of the rows.
        end: the one behind the last.
    """

    group: int
    begin: int
    end: int


def stretches(
    rows_of_groups: Sequence[int], order: Sequence[int], rank: int, world_size: int
) -> list[Stretch]:
    """Return the share of a process.

    Args:
        rows_of_groups: how many rows each row group has.
        order: of the row groups.
        rank: of the process.
        world_size: how many processes there are.
    """
    begin, end = share_of(sum(rows_of_groups), rank, world_size)
    found, before = [], 0
    for group in order:
        rows = rows_of_groups[group]
        first, last = max(begin - before, 0), min(end - before, rows)
        if first < last:
            found.append(Stretch(group, first, last))
        before += rows
    return found


def share_of(rows: int, rank: int, world_size: int) -> tuple[int, int]:
    """Return where the rows of a process begin and end."""
    each, more = divmod(rows, world_size)
    begin = rank * each + min(rank, more)
    return begin, begin + each + (rank < more)


def in_turns(parts: Sequence[Iterator[Table]], at_once: int) -> Iterator[Table]:
    """Yield tables of several iterators in turns."""
    waiting = iter(parts)
    active = [each for _, each in zip(range(at_once), waiting, strict=False)]
    while active:
        for each in list(active):
            table = next(each, None)
            if table is not None:
                yield table
                continue
            active.remove(each)
            active.extend(following for _, following in zip(range(1), waiting, strict=False))


def read_stretch(read: Callable[[int], Iterator[Table]], stretch: Stretch) -> Iterator[Table]:
    """Read a stretch.

    Args:
        read: reads the rows of a row group in order.
        stretch: which of them are wanted.
    """
    before = 0
    for table in read(stretch.group):
        first, last = max(stretch.begin - before, 0), min(stretch.end - before, len(table))
        before += len(table)
        if first < last:
            yield table if (first, last) == (0, len(table)) else table[first:last]
        if before >= stretch.end:
            return

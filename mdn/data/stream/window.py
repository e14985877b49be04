"""The rows that are shuffled together, in tensors that are used again and again."""

from dataclasses import replace

import torch
from torch import Tensor

from mdn.data.table import Table


class Window:
    """Room for some rows.

    Args:
        rows: from how many rows on it is full.
    """

    def __init__(self, rows: int) -> None:
        self.rows = rows
        self._length = 0
        self._tensors: tuple[Tensor, ...] = ()
        self._like: Table | None = None

    def __len__(self) -> int:
        return self._length

    @property
    def full(self) -> bool:
        """Tell whether no more rows are to be added."""
        return self._length >= self.rows

    def add(self, table: Table) -> None:
        """Add rows, as long as it is not full."""
        self._make_room(table)
        for room, values in zip(self._tensors, table.tensors, strict=True):
            room[self._length : self._length + len(values)] = values
        self._length += len(table)

    def emptied(self, draws: torch.Generator) -> Table:
        """Return the rows in a random order; the window is empty then."""
        order = torch.randperm(self._length, generator=draws)
        x, y, *weight = (room.index_select(0, order) for room in self._tensors)
        self._length = 0
        assert self._like is not None
        return replace(self._like, x=x, y=y, weight=weight[0] if weight else None)

    def _make_room(self, table: Table) -> None:
        needed = self._length + len(table)
        if self._tensors and len(self._tensors[0]) >= needed:
            return
        size = max(needed, self.rows + len(table))
        rooms = tuple(each.new_empty(size, *each.shape[1:]) for each in table.tensors)
        for room, values in zip(rooms, self._tensors, strict=False):
            room[: self._length] = values[: self._length]
        self._tensors, self._like = rooms, table[:0]

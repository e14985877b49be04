"""Mini-batches of tensors that are already in memory.

The order of the rows is a function of (seed, epoch) and of nothing else, so a run can be repeated,
and with the position in an epoch it can be resumed. There are no workers and nothing is collated: a batch is one indexing operation a
tensor, a few microseconds, where a default loader spends more than the training step does.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Int64
from torch import Tensor

from mdn.data.position import Position
from mdn.data.seeds import generator
from mdn.distributions.checks import check_at_least

Batch = Sequence[Tensor]
"""(x, y) or (x, y, weight)."""

Block = Batch | Sequence[Batch]
"""What a training step gets: a batch, or several."""


_CPU = torch.device("cpu")


@dataclass(frozen=True)
class Share:
    """The part of the rows that a process takes, in which epoch, and to which device.

    Attributes:
        epoch: tells the epoch whenever an iteration begins.
        rank: which share of the rows this is.
        world_size: how many shares there are.
        device: where the batches are to be.
    """

    epoch: Callable[[], int] = lambda: 0
    rank: int = 0
    world_size: int = 1
    device: torch.device = _CPU


@runtime_checkable
class Loader(Protocol):
    """Batches, of which the number is known, for one pass or several."""

    def __len__(self) -> int: ...

    def __iter__(self) -> Iterator[tuple[Tensor, ...]]: ...

    def in_blocks(self, size: int) -> "Blocks":
        """Group the batches, at most so many in a block."""
        ...

    def rows_of(self, number: int) -> Int64[Tensor, " B"] | None:
        """Return which rows are in a batch of this epoch, or None where that is not known."""
        ...

    def state_dict(self) -> dict[str, int]:
        """Tell how many batches have been taken, in which epoch."""
        ...

    def load_state_dict(self, state: Mapping[str, int]) -> None:
        """Have the next pass over that epoch begin behind the batches that were taken."""
        ...


class Batches:
    """Mini-batches, each a tuple of some rows of every tensor.

    Each row comes exactly once in an epoch over all ranks, and all ranks have the same number of
    batches, whose sizes differ by at most one: in training no small last batch weighs as much as
    a full one, and in evaluation nothing is dropped or counted twice.

    Args:
        tensors: with one length, and on one device, where the batches then are.
        batch_size: the most rows in a batch of one rank. One row may come on top where the ranks
            could not otherwise have equally many batches.
        seed: of the order of the rows; None leaves them as they are.
        epoch: tells the epoch whenever an iteration begins.
        rank: which share of the rows this is.
        world_size: how many shares there are.

    Raises:
        ValueError: on a batch size below one, or fewer rows than ranks.
    """

    def __init__(
        self,
        tensors: Sequence[Tensor],
        batch_size: int,
        seed: int | None = None,
        epoch: Callable[[], int] = lambda: 0,
        rank: int = 0,
        world_size: int = 1,
    ) -> None:
        self.tensors = tuple(tensors)
        self.num_rows = len(self.tensors[0])
        check_at_least("batch_size", batch_size, 1)
        check_enough_rows(self.num_rows, world_size)
        self.batch_size = batch_size
        self.seed = seed
        self.epoch = epoch
        self.rank = rank
        self.world_size = world_size
        self._position = Position(world_size)

    def __len__(self) -> int:
        """Count the batches of this rank; every rank has as many."""
        return num_batches(self.num_rows, self.batch_size, self.world_size)

    def __iter__(self) -> Iterator[tuple[Tensor, ...]]:
        epoch = self.epoch()
        batches = self._split(epoch, self.tensors[0].device)
        for rows in batches[self._position.begin(epoch, len(self)) :]:
            self._position.take()
            yield tuple(tensor.index_select(0, rows) for tensor in self.tensors)

    def rows_of(self, number: int) -> Int64[Tensor, " B"]:
        """Return which rows are in a batch of this epoch, both counted from 0."""
        return self._split(self.epoch(), _CPU)[number]

    def in_blocks(self, size: int) -> "Blocks":
        """Group the batches, at most so many in a block."""
        return Blocks(self, size)

    def state_dict(self) -> dict[str, int]:
        """Tell how many batches have been taken, in which epoch."""
        return self._position.state_dict()

    def load_state_dict(self, state: Mapping[str, int]) -> None:
        """Have the next pass over that epoch begin behind the batches that were taken."""
        self._position.load_state_dict(state)

    def _split(self, epoch: int, device: torch.device) -> tuple[Tensor, ...]:
        share = self._order(epoch).tensor_split(self.world_size)[self.rank]
        return share.to(device).tensor_split(len(self))

    def _order(self, epoch: int) -> Tensor:
        if self.seed is None:
            return torch.arange(self.num_rows)
        return torch.randperm(self.num_rows, generator=generator("order", self.seed, epoch))


class Blocks:
    """The same batches in lists of several.

    Lightning spends about as long on a call of `training_step` as a small network on a step; a
    block a call leaves most of that out.

    Args:
        batches: what to group.
        size: the most batches in a block.
    """

    def __init__(self, batches: Loader, size: int) -> None:
        self.batches = batches
        self.size = size

    @property
    def num_steps(self) -> int:
        """Batches in an epoch, hence steps of gradient descent."""
        return len(self.batches)

    def __len__(self) -> int:
        return math.ceil(len(self.batches) / self.size)

    def __iter__(self) -> Iterator[list[tuple[Tensor, ...]]]:
        batches = iter(self.batches)
        while block := list(islice(batches, self.size)):
            yield block

    def state_dict(self) -> dict[str, int]:
        """Tell how many batches have been taken, in which epoch; Lightning saves that."""
        return {**self.batches.state_dict(), "block": self.size}

    def load_state_dict(self, state: Mapping[str, int]) -> None:
        """Have the next pass over that epoch begin behind the batches that were taken.

        Raises:
            ValueError: if the blocks had another size, which Lightning has counted.
        """
        before = int(state.get("block", self.size))
        if before != self.size:
            raise ValueError(
                f"the checkpoint lies inside an epoch of {before} steps a call, and this run takes "
                f"{self.size}; leave max_steps and the number of processes as they were"
            )
        self.batches.load_state_dict(state)


def batches_of(block: Block) -> list[Batch]:
    """List the batches of a block; a single batch is a block of one."""
    batch = tuple(each for each in block if isinstance(each, Tensor))
    return [batch] if batch else [each for each in block if not isinstance(each, Tensor)]


def num_batches(rows: int, batch_size: int, world_size: int) -> int:
    """Count the batches of each of several processes, which all have as many."""
    largest, smallest = math.ceil(rows / world_size), rows // world_size
    return min(math.ceil(largest / batch_size), smallest)


def check_enough_rows(num_rows: int, world_size: int) -> None:
    """Refuse fewer rows than processes.

    Raises:
        ValueError: on so few rows.
    """
    if num_rows < world_size:
        raise ValueError(
            f"every process needs at least one row, got {num_rows} rows for {world_size} "
            "processes; use fewer processes or more rows"
        )

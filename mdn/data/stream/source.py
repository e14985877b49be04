"""The rows of a file in chunks that are small, whatever its row groups are."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from jaxtyping import Int64
from torch import Tensor

from mdn.data.readers.columns import Columns
from mdn.data.readers.reader import row_number
from mdn.data.stream.row_groups import RowGroup
from mdn.data.table import Table
from mdn.networks.kinds import Kind

_CHUNK_BYTES = 2**23
_MOST_CHUNK_ROWS, _FEWEST_CHUNK_ROWS = 2**16, 2**8


@dataclass(frozen=True, eq=False)
class Chunk:
    """Some rows in the order of the file.

    Attributes:
        numbers: of the rows among all rows of the source.
        table: the rows.
    """

    numbers: Int64[Tensor, " N"]
    table: Table

    def __getitem__(self, rows: Int64[Tensor, " M"]) -> "Chunk":
        return Chunk(self.numbers[rows], self.table[rows])


Decode = Callable[[Columns], tuple[Int64[Tensor, " N"], Table]]
"""From columns to the positions of the rows that count, and these rows."""


@dataclass(frozen=True, eq=False)
class Source:
    """Rows in row groups.

    Attributes:
        name: of the source, for messages.
        groups: its row groups, in order.
        columns: the names of the columns that are read.
        kinds: of the inputs.
        decode: makes a table of columns.
    """

    name: str
    groups: tuple[RowGroup, ...]
    columns: list[str]
    kinds: tuple[Kind, ...]
    decode: Decode

    @property
    def num_rows(self) -> int:
        """How many rows there are, also of those that do not count."""
        return sum(group.num_rows for group in self.groups)

    def chunks(self, group: RowGroup) -> Iterator[Chunk]:
        """Read a row group."""
        start = group.start
        for block in group.blocks(self.columns, chunk_rows(len(self.columns))):
            rows, table = self.decode(Columns(self.name, block, _place_after(start)))
            yield Chunk(start + rows, table)
            start += block.num_rows


def chunk_rows(columns: int) -> int:
    """Return how many rows are read at once."""
    fitting = _CHUNK_BYTES // (8 * max(1, columns))
    return max(_FEWEST_CHUNK_ROWS, min(_MOST_CHUNK_ROWS, fitting))


def _place_after(start: int) -> Callable[[int], str]:
    return lambda row: row_number(start + row)

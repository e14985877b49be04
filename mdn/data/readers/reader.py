"""Files of columns, each read as what its ending says or refused.

Readers forgive a lot without a word: a ragged CSV, two columns of one name, semicolons taken for
text. Here each of these is an error that says where the file is not what it should be.

A reader gives its columns as a whole or in pieces, by the same rules. The pieces have a fixed
number of rows, whatever the blocks of the file are, so that what is drawn at random for a piece
does not depend on the format.
"""

import re
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import pyarrow as pa

from mdn.data.readers.blocks import check_text
from mdn.data.readers.columns import Columns

PIECE = 8192
"""Rows of a piece: what is computed for them stays in a processor's cache."""

Wanted = Mapping[str, str]
"""What columns shall be, by their names: "number", "boolean", "time" or "text", or the code of a
format that another reader had for them."""

_PANDAS_INDEX = re.compile(r"__index_level_\d+__")


class Reader(ABC):
    """A file with columns of distinct names.

    Attributes:
        head: its columns, without rows.
    """

    head: Columns

    @property
    def notes(self) -> list[str]:
        """What was guessed or left out so far, in sentences."""
        return []

    @property
    def formats(self) -> dict[str, str]:
        """How columns that were text were read, as plain data for `wanted`."""
        return {}

    @abstractmethod
    def fraction(self) -> float | None:
        """Tell which share has been read; None where nobody knows how much there is."""

    def settle(self, names: list[str], wanted: Wanted) -> Wanted:
        """Return what columns are after a look at all rows, in constant memory."""
        return wanted

    @abstractmethod
    def _whole(self, names: list[str], wanted: Wanted) -> pa.Table:
        """Read these columns of all rows."""

    @abstractmethod
    def _blocks(self, names: list[str], others: list[str], wanted: Wanted) -> Iterator[pa.Table]:
        """Read those columns in blocks of any size."""

    @abstractmethod
    def _place(self, row: int) -> str:
        """Say where a row (from 0) is."""

    def read(self, names: Sequence[str], wanted: Wanted | None = None) -> Columns:
        """Read columns of all rows at once; a missing value is null.

        Args:
            names: of the columns.
            wanted: what some of them shall be.

        Raises:
            ValueError: if the file is not what it should be, or has no rows.
        """
        table = self._whole(list(names), wanted or {})
        self._check_rows(table.num_rows)
        return Columns(self.head.source, table, self._place)

    def pieces(
        self, names: Sequence[str], others: Sequence[str], wanted: Wanted | None = None
    ) -> Iterator[Columns]:
        """Read the rows once, in order, `PIECE` at a time.

        Args:
            names: columns that are read.
            others: columns that are handed on as they are written.
            wanted: what some of `names` shall be.

        Raises:
            ValueError: at a row that is not what it should be, or if there is none.
        """
        start = 0
        rest = [name for name in others if name not in names]
        blocks = self._blocks(list(names), rest, wanted or {})
        for table in _in_pieces(self.head.source, blocks):
            yield Columns(self.head.source, table, _after(start, self._place))
            start += table.num_rows
        self._check_rows(start)

    def _check_rows(self, rows: int) -> None:
        if rows == 0:
            raise ValueError(
                f"{self.head.source} has column names and no rows; give it at least one row"
            )


class WholeReader(Reader):
    """A file that is read as a whole when it is opened."""

    def __init__(self, path: Path, table: pa.Table) -> None:
        check_names(path, table.column_names)
        self._table = table
        self.head = no_rows(path, table.column_names)

    def fraction(self) -> float | None:
        return None

    def _whole(self, names: list[str], wanted: Wanted) -> pa.Table:
        return self._table.select(names)

    def _blocks(self, names: list[str], others: list[str], wanted: Wanted) -> Iterator[pa.Table]:
        yield self._table.select([*names, *others])

    def _place(self, row: int) -> str:
        return row_number(row)


def check_is_file(path: Path) -> None:
    """Refuse what is not there, a folder, or empty."""
    if path.is_dir():
        raise ValueError(f"{path} is a folder; give the path of one file in it")
    if not path.exists():
        raise FileNotFoundError(f"there is no file {path}; check `path` and its relatives")
    if path.stat().st_size == 0:
        raise ValueError(f"{path} is empty; it needs column names and rows")


def check_names(path: Path, names: list[str]) -> None:
    """Refuse two columns of one name."""
    doubled = [name for name, count in Counter(names).items() if count > 1]
    if doubled:
        raise ValueError(f"{path} has more than one column named {doubled[0]!r}; rename them")


def without_index(names: Sequence[str]) -> list[str]:
    """Leave out the columns in which pandas keeps the index of a shuffled frame."""
    return [name for name in names if not _PANDAS_INDEX.fullmatch(name)]


def no_rows(path: Path, names: list[str]) -> Columns:
    """Make columns of a file without rows."""
    return Columns(str(path), pa.table({name: pa.nulls(0) for name in names}), row_number)


def row_number(row: int) -> str:
    """Say where a row (from 0) is in rows without lines."""
    return f"row {row + 1}"


def first_line(error: Exception) -> str:
    """Take the first line of an error's message, or its type where it has none."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def _in_pieces(source: str, blocks: Iterator[pa.Table]) -> Iterator[pa.Table]:
    held = None
    for block in blocks:
        held = block if held is None else pa.concat_tables([held, block])
        while held.num_rows >= PIECE:
            piece, held = held.slice(0, PIECE), held.slice(PIECE)
            check_text(source, piece)
            yield piece
        check_text(source, held)
    if held is not None and held.num_rows:
        yield held


def _after(start: int, place: Callable[[int], str]) -> Callable[[int], str]:
    return lambda row: place(start + row)

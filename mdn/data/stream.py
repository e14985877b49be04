"""The rows of a file in pieces: any number of them, in constant memory.

The pieces have a fixed number of rows, whatever the blocks of the file are, so that what is drawn
at random for a piece does not depend on the format.
"""

import io
import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pyarrow as pa
from pyarrow import csv as arrow_csv

from mdn.data.columns import matrix
from mdn.data.csv_lines import (
    check_not_ragged,
    is_number,
    line_of_row,
    read_header,
    records,
    skip_header,
)
from mdn.data.formats import (
    ColumnFile,
    check_is_file,
    check_names,
    open_parquet,
    parquet_errors,
    read_file,
    row_number,
)

STANDARD_INPUT = "-"
PIECE = 8192
"""Rows of a piece: what is computed for them stays in a processor's cache."""


class RowStream(ABC):
    """A file whose rows are read once, in order.

    Attributes:
        head: the file with its columns and no rows.
    """

    head: ColumnFile

    @abstractmethod
    def fraction(self) -> float | None:
        """How much has been read, where it is known how much there is."""

    @abstractmethod
    def _tables(self, numbers: list[str], others: list[str]) -> Iterator[pa.Table]:
        """Those columns, in blocks of any size."""

    @abstractmethod
    def _place(self, row: int) -> str:
        """Where a row (from 0) is, in words."""

    def pieces(self, numbers: Sequence[str], others: Sequence[str]) -> Iterator[ColumnFile]:
        """The rows, `PIECE` at a time.

        Args:
            numbers: columns that hold numbers.
            others: columns that are handed on as they are.

        Raises:
            ValueError: at a row that is not what it should be, or if there is none.
        """
        start = 0
        rest = [name for name in others if name not in numbers]
        for table in _in_pieces(self._tables(list(numbers), rest)):
            yield ColumnFile(self.head.path, table, _after(start, self._place))
            start += table.num_rows
        if start == 0:
            raise ValueError(
                f"{self.head.path} has column names and no rows; give it at least one row"
            )


def open_rows(path: str | Path) -> RowStream:
    """Open a .csv, .parquet or .npz file, or CSV on standard input, for which "-" stands.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it is not such a file.
    """
    if str(path) == STANDARD_INPUT:
        stream = sys.stdin.buffer
        assert isinstance(stream, io.BufferedReader)
        return CsvStream(Path("standard input"), stream)
    path = Path(path)
    check_is_file(path)
    return STREAMS.get(path.suffix.lower(), WholeFile)(path)


class CsvStream(RowStream):
    """CSV with a header, in UTF-8, and commas, semicolons, tabs or bars.

    Args:
        path: of the file, or what to call the stream.
        stream: what to read instead of the file.
    """

    def __init__(self, path: Path, stream: io.BufferedReader | None = None) -> None:
        self._is_file = stream is None
        self._stream = stream
        header = read_header(path) if stream is None else skip_header(path, stream)
        self._names, self._delimiter = header
        check_names(path, self._names)
        self.head = _no_rows(path, self._names)

    def fraction(self) -> float | None:
        if not self._is_file or self._stream is None:
            return None
        return 1.0 if self._stream.closed else self._stream.tell() / self.head.path.stat().st_size

    def _tables(self, numbers: list[str], others: list[str]) -> Iterator[pa.Table]:
        self._stream = self._stream or self._behind_header()
        with self._stream as stream:
            try:
                # Arrow refuses to read nothing.
                blocks = self._open(stream, numbers, others) if stream.peek() else []
                yield from (pa.Table.from_batches([block]) for block in blocks)
            except pa.ArrowInvalid as error:
                self._find_fault(numbers)
                raise ValueError(f"{self.head.path} cannot be read as CSV: {error}") from None

    def _behind_header(self) -> io.BufferedReader:
        stream = self.head.path.open("rb")
        skip_header(self.head.path, stream)
        return stream

    def _open(
        self, stream: io.BufferedReader, numbers: list[str], others: list[str]
    ) -> arrow_csv.CSVStreamingReader:
        # As much of the first row as has arrived.
        line = stream.peek().replace(b"\r", b"\n").partition(b"\n")[0].decode(errors="replace")
        first = dict(zip(self._names, line.split(self._delimiter), strict=False))
        kinds = {name: _kind(first.get(name, "")) for name in numbers}
        kinds |= {name: pa.string() for name in others}
        return arrow_csv.open_csv(
            stream,
            read_options=arrow_csv.ReadOptions(column_names=self._names),
            parse_options=arrow_csv.ParseOptions(delimiter=self._delimiter),
            convert_options=arrow_csv.ConvertOptions(
                column_types=kinds, include_columns=list(kinds)
            ),
        )

    def _find_fault(self, numbers: list[str]) -> None:
        """Raise at the first line that explains why Arrow refused the file."""
        if not self._is_file:
            return
        path = self.head.path
        check_not_ragged(path, self._delimiter, len(self._names))
        lines = records(path, self._delimiter)
        next(lines)
        for line, record in lines:
            for name, value in zip(self._names, record, strict=True):
                if name in numbers and value and not is_number(value):
                    one = pa.table({name: [value]})
                    matrix(ColumnFile(path, one, _at(f"line {line}")), [name])

    def _place(self, row: int) -> str:
        if not self._is_file:
            return row_number(row)
        return f"line {line_of_row(self.head.path, self._delimiter, row)}"


class ParquetStream(RowStream):
    """Parquet, whose row groups may be of any size."""

    def __init__(self, path: Path) -> None:
        with parquet_errors(path):
            self._file = open_parquet(path)
        self._read = 0
        names = self._file.schema_arrow.names
        check_names(path, names)
        self.head = _no_rows(path, names)

    def fraction(self) -> float | None:
        return self._read / max(1, self._file.metadata.num_rows)

    def _tables(self, numbers: list[str], others: list[str]) -> Iterator[pa.Table]:
        with self._file, parquet_errors(self.head.path):
            for batch in self._file.iter_batches(8 * PIECE, columns=[*numbers, *others]):
                self._read += batch.num_rows
                yield pa.Table.from_batches([batch])

    def _place(self, row: int) -> str:
        return row_number(row)


class WholeFile(RowStream):
    """A file that can only be read as a whole."""

    def __init__(self, path: Path) -> None:
        self.head = read_file(path)

    def fraction(self) -> float | None:
        return None

    def _tables(self, numbers: list[str], others: list[str]) -> Iterator[pa.Table]:
        yield self.head.table.select([*numbers, *others])

    def _place(self, row: int) -> str:
        return self.head.place(row)


STREAMS: dict[str, Callable[[Path], RowStream]] = {".csv": CsvStream, ".parquet": ParquetStream}
"""What each ending is streamed with; other files are read as a whole, or refused."""


def _in_pieces(blocks: Iterator[pa.Table]) -> Iterator[pa.Table]:
    held = None
    for block in blocks:
        held = block if held is None else pa.concat_tables([held, block])
        while held.num_rows >= PIECE:
            yield held.slice(0, PIECE)
            held = held.slice(PIECE)
    if held is not None and held.num_rows:
        yield held


def _kind(first: str) -> pa.DataType:
    return pa.bool_() if first.strip().lower() in ("true", "false") else pa.float64()


def _no_rows(path: Path, names: list[str]) -> ColumnFile:
    return ColumnFile(path, pa.table({name: pa.nulls(0) for name in names}), row_number)


def _after(start: int, place: Callable[[int], str]) -> Callable[[int], str]:
    return lambda row: place(start + row)


def _at(place: str) -> Callable[[int], str]:
    return lambda _: place

"""CSV, typed by one rule whether it is read for training or for prediction.

A column that must hold numbers is read as float64, or as truth values where its first value is
true or false; nothing else is guessed from the rows, so a later block is typed as the first one.
"""

import csv
import io
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
from pyarrow import csv as arrow_csv

from mdn.data.columns import not_a_number
from mdn.data.csv_lines import (
    check_not_ragged,
    is_number,
    line_of_row,
    read_header,
    records,
    skip_header,
)
from mdn.data.reader import Reader, check_names, no_rows, row_number

_TRUTH = ("true", "false")
_NO_VALUE = frozenset(arrow_csv.ConvertOptions().null_values)
"""What stands for a missing value."""


class _Options(NamedTuple):
    """What Arrow wants to know of a CSV file."""

    read: arrow_csv.ReadOptions
    parse: arrow_csv.ParseOptions
    convert: arrow_csv.ConvertOptions


class CsvReader(Reader):
    """CSV with a header, in UTF-8, and commas, semicolons, tabs or bars.

    Args:
        path: of the file, or what to call the stream.
        stream: what to read instead of the file.
    """

    def __init__(self, path: Path, stream: io.BufferedReader | None = None) -> None:
        self._path = path
        self._is_file = stream is None
        self._stream = stream
        header = read_header(path) if stream is None else skip_header(path, stream)
        self._names, self._delimiter = header
        check_names(path, self._names)
        self.head = no_rows(path, self._names)

    def fraction(self) -> float | None:
        if not self._is_file or self._stream is None:
            return None
        return 1.0 if self._stream.closed else self._stream.tell() / self._path.stat().st_size

    def _whole(self, numbers: list[str]) -> pa.Table:
        with self._behind_header() as stream:
            if not stream.peek():  # Arrow refuses to read nothing
                return self.head.table.select(numbers)
            try:
                return _without_integers(arrow_csv.read_csv(stream, *self._inferring(numbers)))
            except pa.ArrowInvalid as error:
                raise self._fault({}, error) from None

    def _blocks(self, numbers: list[str], others: list[str]) -> Iterator[pa.Table]:
        self._stream = self._stream or self._behind_header()
        with self._stream as stream:
            if not stream.peek():
                return
            kinds = self._kinds(stream, numbers)
            try:
                texts = {name: pa.string() for name in others}
                blocks = arrow_csv.open_csv(stream, *self._options(kinds | texts))
                yield from (pa.Table.from_batches([block]) for block in blocks)
            except pa.ArrowInvalid as error:
                raise self._fault(kinds, error) from None

    def _behind_header(self) -> io.BufferedReader:
        stream = self._path.open("rb")
        skip_header(self._path, stream)
        return stream

    def _options(self, kinds: Mapping[str, pa.DataType]) -> _Options:
        return _Options(
            arrow_csv.ReadOptions(column_names=self._names),
            arrow_csv.ParseOptions(delimiter=self._delimiter),
            arrow_csv.ConvertOptions(column_types=dict(kinds), include_columns=list(kinds)),
        )

    def _inferring(self, names: list[str]) -> _Options:
        # The types are told from all rows.
        read, parse, _ = self._options({})
        return _Options(
            read,
            parse,
            arrow_csv.ConvertOptions(include_columns=names, strings_can_be_null=True),
        )

    def _kinds(self, stream: io.BufferedReader, numbers: list[str]) -> dict[str, pa.DataType]:
        """Tell the type of each column of numbers by its first value, from what has arrived."""
        text = stream.peek().decode(errors="replace")
        rows = [
            dict(zip(self._names, row, strict=False))
            for row in csv.reader(io.StringIO(text, newline=""), delimiter=self._delimiter)
        ]
        return {name: _kind(row.get(name, "") for row in rows) for name in numbers}

    def _fault(self, kinds: Mapping[str, pa.DataType], error: pa.ArrowInvalid) -> ValueError:
        """Make the error to raise where Arrow refused the file, with the line if it is known."""
        if self._is_file:
            check_not_ragged(self._path, self._delimiter, len(self._names))
            for fault in self._faults(kinds):
                return fault
        return ValueError(f"{self._path} cannot be read as CSV: {error}")

    def _faults(self, kinds: Mapping[str, pa.DataType]) -> Iterator[ValueError]:
        """Make an error for each value that is not of the type of its column."""
        lines = records(self._path, self._delimiter)
        next(lines)
        for line, record in lines:
            for name, value in zip(self._names, record, strict=True):
                if name in kinds and not _is_of(kinds[name], value):
                    yield self._wrong(f"line {line}", name, value)

    def _wrong(self, place: str, name: str, value: str) -> ValueError:
        if not is_number(value):
            return not_a_number(str(self._path), place, name, value)
        return ValueError(
            f"{self._path}, {place}: column {name!r} holds {value!r} where its first row is true "
            "or false; write numbers in every row"
        )

    def _place(self, row: int) -> str:
        if not self._is_file:
            return row_number(row)
        return f"line {line_of_row(self._path, self._delimiter, row)}"


def _without_integers(table: pa.Table) -> pa.Table:
    types = [pa.float64() if pa.types.is_integer(t) else t for t in table.schema.types]
    return table.cast(pa.schema(list(zip(table.column_names, types, strict=True))))


def _kind(values: Iterator[str]) -> pa.DataType:
    first = next((value for value in map(str.strip, values) if value not in _NO_VALUE), "")
    return pa.bool_() if first.lower() in _TRUTH else pa.float64()


def _is_of(kind: pa.DataType, value: str) -> bool:
    value = value.strip()
    if value in _NO_VALUE or (kind == pa.bool_() and value.lower() in (*_TRUTH, "0", "1")):
        return True
    return kind != pa.bool_() and is_number(value)

"""The columns of a text file as Arrow reads them, and what keeps it from doing so."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import NamedTuple

import pyarrow as pa
from pyarrow import csv as arrow_csv

from mdn.data.formats.missing import spellings
from mdn.data.readers.csv_header import Header, parted_by_blanks, read_header
from mdn.data.readers.csv_lines import find_ragged, line_of_record
from mdn.data.readers.csv_source import Source, damage
from mdn.data.readers.reader import row_number

_DELIMITERS = {";": "semicolons", "\t": "tabs", "|": "bars", " ": "blanks"}
_ENCODINGS = {"cp1252": "Latin-1 (Windows-1252)", "latin-1": "Latin-1"}
_OF_LINES = ("CSV pars", "straddling")
"""In Arrow's errors about lines, not about values."""

_BLOCK, _LARGEST_BLOCK = 1 << 20, 1 << 27
_ROWS = 64
"""Rows of a block, at least."""


class Types(NamedTuple):
    """As what columns are read.

    Attributes:
        of: the type of each column that is read.
        decimal: what stands before fractions in all of them.
    """

    of: Mapping[str, pa.DataType]
    decimal: str = "."

    def with_text(self, names: Sequence[str]) -> "Types":
        """Add columns that are read as they are written."""
        return Types({**self.of, **dict.fromkeys(names, pa.string())}, self.decimal)


class CsvText:
    """A text file whose first lines say how it is written.

    Attributes:
        source: where it is from.
        header: its first line.
    """

    source: Source
    header: Header

    def __init__(self, source: Source) -> None:
        self.source = source
        self._newlines = False
        self._look()

    @property
    def notes(self) -> list[str]:
        """What was told from the first lines, in sentences."""
        header, notes = self.header, []
        if self.source.encoding != "utf-8":
            name = _ENCODINGS.get(self.source.encoding, self.source.encoding.upper())
            notes.append(f"the file is not UTF-8: read as {name}")
        delimiter = " " if self.source.blanks else header.delimiter
        if delimiter in _DELIMITERS:
            notes.append(f"{_DELIMITERS[delimiter]} part the columns")
        if header.row_names:
            notes.append("the first column has no name: taken for names of rows, and left out")
        if header.spare:
            notes.append(f"columns at the end without names and values left out: {header.spare}")
        if header.before:
            notes.append(f"lines before the names left out: {header.before}")
        return notes

    @property
    def num_values(self) -> float:
        """About how many values its rows have."""
        rows = self.source.size() * self._start.count(b"\n") / max(1, len(self._start))
        return rows * len(self.header.names)

    def sample(self) -> pa.Table:
        """Read the first rows as text.

        Raises:
            ValueError: if they have faults.
        """
        while True:
            try:
                return self._sample()
            except pa.ArrowInvalid as error:
                self.mend(error)

    def _sample(self) -> pa.Table:
        body = self._start[self.header.size :]
        if not self._all:
            body = body[: _end_of_rows(body)]
        names = self.header.columns
        if not body.strip():
            return pa.table({name: pa.array([], pa.string()) for name in names})
        types = Types({name: pa.string() for name in names})
        return arrow_csv.read_csv(pa.BufferReader(body), *self._options(types))

    def read(self, types: Types) -> pa.Table:
        """Read columns of all rows.

        Raises:
            ArrowInvalid: if Arrow refuses something; `mend` may help.
        """
        if self._is_empty:
            return pa.table({name: pa.array([], kind) for name, kind in types.of.items()})
        with self._behind_header() as stream:
            return arrow_csv.read_csv(stream, *self._options(types))

    def blocks(self, types: Types) -> Iterator[pa.Table]:
        """Read columns in blocks of any size, as `read` does."""
        with self._behind_header() as stream:
            if self._is_empty:
                return
            for block in arrow_csv.open_csv(stream, *self._options(types)):
                yield pa.Table.from_batches([block])

    @property
    def _is_empty(self) -> bool:
        # Arrow refuses to read nothing.
        return self._all and not self._start[self.header.size :].strip()

    def mend(self, error: Exception) -> bool:
        """Tell whether another try may succeed, after Arrow has refused something.

        Raises:
            ValueError: if none can, with all that is wrong with the lines.
        """
        if not self.source.rewinds:
            raise ValueError(f"{self.source.name} cannot be read as CSV: {error}") from None
        if not any(word in str(error) for word in _OF_LINES):
            return self._mend_encoding()
        if not self._newlines:
            self._newlines = True
            return True
        faults = self._faults()
        raise _refusal(self.source, faults or [f"cannot be read as CSV: {error}"]) from None

    def _mend_encoding(self) -> bool:
        if self.source.encoding != "utf-8" or self.source.all_utf8():
            return False
        self.source.encoding = "cp1252"
        self._look()
        return True

    def place(self, row: int) -> str:
        """Say where a row (from 0) is."""
        header = self.header
        line = line_of_record(self.source, header.delimiter, header.before + 1 + row)
        return row_number(row) if line is None else f"line {line}"

    def _look(self) -> None:
        with damage(self.source.name):
            self._start, self._all = self.source.sample()
        text = self._start.decode("utf-8", errors="replace")
        if not self.source.blanks and parted_by_blanks(text):
            self.source.blanks = True
            self._look()
            return
        self.header = read_header(self.source.name, text)
        if self.header.faults:
            raise _refusal(self.source, self._faults())

    def _faults(self) -> list[str]:
        header, ragged = self.header, None
        if self.source.rewinds:
            ragged = find_ragged(
                self.source, header.delimiter, len(header.names), header.before + 1
            )
        more = [] if ragged is None else [ragged.fault(len(header.names), header.delimiter)]
        return [*header.faults, *more]

    @contextmanager
    def _behind_header(self) -> Iterator[pa.NativeFile]:
        with damage(self.source.name), self.source.open() as stream:
            left = self.header.size
            while left:  # a pipe gives what it has
                left -= len(stream.read(left))
            yield stream

    def _options(self, types: Types) -> tuple[object, ...]:
        names = [name or f"\0{i}" for i, name in enumerate(self.header.names)]
        row = len(self._start) // max(1, self._start.count(b"\n"))
        size = min(max(_BLOCK, _ROWS * row), _LARGEST_BLOCK)
        return (
            arrow_csv.ReadOptions(column_names=names, block_size=size),
            arrow_csv.ParseOptions(
                delimiter=self.header.delimiter, newlines_in_values=self._newlines
            ),
            arrow_csv.ConvertOptions(
                column_types=dict(types.of),
                include_columns=list(types.of),
                null_values=spellings(),
                true_values=_TRUE,
                false_values=_FALSE,
                decimal_point=types.decimal,
            ),
        )


_TRUE = ["1", "true", "True", "TRUE"]
_FALSE = ["0", "false", "False", "FALSE"]


def _end_of_rows(text: bytes) -> int:
    """Find where the last whole row ends: at a line end that is in no quotes."""
    last = end = _last_line_end(text, len(text))
    quotes = text.count(b'"', 0, end)
    while quotes % 2 and end > 0:
        before = _last_line_end(text, end - 1)
        quotes -= text.count(b'"', before, end)
        end = before
    return end or last  # a quote may be a letter like others


def _last_line_end(text: bytes, end: int) -> int:
    return max(text.rfind(b"\n", 0, end), text.rfind(b"\r", 0, end)) + 1


def _refusal(source: Source, faults: Sequence[str]) -> ValueError:
    """Make one error of all that is wrong."""
    if len(faults) > 1:
        listed = " ".join(f"({i}) {fault}." for i, fault in enumerate(faults, start=1))
        return ValueError(f"{source.name} has {len(faults)} faults: {listed}")
    before = ", " if faults[0].startswith("line") else " " if "cannot be" in faults[0] else ": "
    return ValueError(f"{source.name}{before}{faults[0]}")

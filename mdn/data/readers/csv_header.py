"""What the first lines of a text file say: its names, and what parts its columns."""

import csv
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from io import StringIO
from itertools import islice
from pathlib import Path

from mdn.data.readers.csv_lines import is_number

_DELIMITERS = ",;\t|"
_LINE = re.compile(r"[^\r\n]*(?:\r\n|\n|\r|$)")
_SAID = re.compile(r"\"?sep=(?P<delimiter>.)\"?[ \t]*(?:\r\n|\n|\r)", re.I)
"""The line in which Excel says what parts the columns."""

_LONGEST_HEADER = 10_000_000
"""Characters: a quote that is not closed would be looked for in the whole file."""

_ROWS = 50
"""Rows that are held against the header."""

_PANDAS_INDEX = "Unnamed: 0"


@dataclass(frozen=True)
class Header:
    """What stands before the first row of a text file.

    Attributes:
        names: of all columns that the rows have; "" where there is none.
        delimiter: between columns.
        size: bytes of UTF-8 before the first row.
        before: lines of notes that stand before the names.
        row_names: whether the first column only names the rows.
        spare: how many of the last columns have neither names nor values.
    """

    names: list[str]
    delimiter: str
    size: int
    before: int = 0
    row_names: bool = False
    spare: int = 0

    @property
    def columns(self) -> list[str]:
        """The names of the columns of the table."""
        return self.names[int(self.row_names) : len(self.names) - self.spare]

    @property
    def faults(self) -> list[str]:
        """What is wrong with the names."""
        if _are_numbers(self.columns):
            return [
                f"the first line holds numbers ({', '.join(self.columns[:3])}, ...), not the "
                "names of the columns; put a line of names before it"
            ]
        return [*self._doubled, *self._nameless]

    @property
    def _doubled(self) -> list[str]:
        counts = Counter(name for name in self.columns if name)
        doubled = [repr(name) for name, count in counts.items() if count > 1]
        text = f"there is more than one column named {_some(doubled)}; rename them"
        return [text] if doubled else []

    @property
    def _nameless(self) -> list[str]:
        start = 2 if self.row_names else 1
        found = [str(i) for i, name in enumerate(self.columns, start) if not name]
        verb = "columns {} have" if len(found) > 1 else "column {} has"
        text = f"{verb.format(_some(found))} no name; give it one in the first line"
        return [text] if found else []


def read_header(path: Path, text: str) -> Header:
    """Read the header of a file from the text of its first lines.

    Raises:
        ValueError: if there is no text, or a quote is never closed.
    """
    first = _first_line(text)
    if first is None:
        raise ValueError(f"{path} has only blank lines; it needs names and rows")
    said = _SAID.match(text, first)
    start = _behind_comments(text, first if said is None else said.end())
    delimiter = said["delimiter"] if said else _delimiter(text[start:]) or ","
    end = _end_of_record(path, text, start, delimiter)
    names = [name.strip() for name in next(_records(text[start:end], delimiter), [])]
    if not names:
        raise ValueError(f"{path}: a name in the first line has no end; mend the names")
    rows = list(islice(_records(text[end:], delimiter), _ROWS))
    before = sum(1 for line in _LINE.finditer(text, first, start) if line.group().strip())
    return _with_rows(Header(names, delimiter, len(text[:end].encode()), before), rows)


def parted_by_blanks(text: str) -> bool:
    """Tell whether nothing but blanks parts the columns of a text."""
    start = _first_line(text)
    if start is None or any(_agreement(text[start:], one)[0] for one in _DELIMITERS):
        return False
    lines = [match.group() for match in islice(_LINE.finditer(text, start), _ROWS)]
    widths = [len(next(_records(" ".join(line.split()), " "), [])) for line in lines[:-1]]
    rows = [width for width in widths[1:] if width]
    return widths[:1] > [1] and all(row - widths[0] in (0, 1) for row in rows)


def _behind_comments(text: str, start: int) -> int:
    """Return where the names start: behind lines after "#", where rows are as wide as those."""
    end = start
    while text.startswith("#", end):
        line = _LINE.match(text, end)
        assert line is not None
        end = line.end()
    as_wide = any(_agreement(text[start:], one)[0] for one in _DELIMITERS)
    wider = any(_agreement(text[end:], one)[0] for one in _DELIMITERS)
    return end if wider and not as_wide else start


def _first_line(text: str) -> int | None:
    lines = _LINE.finditer(text)
    return next((line.start() for line in lines if line.group().strip(" \t\r\n\ufeff")), None)


def _delimiter(text: str) -> str:
    """Return the delimiter that makes most of the first rows as wide as the header, or ""."""
    found = max(_DELIMITERS, key=lambda delimiter: _agreement(text, delimiter))
    return found if _agreement(text, found)[1] > 1 else ""


def _agreement(text: str, delimiter: str) -> tuple[bool, int]:
    widths = [len(row) for row in islice(_records(text, delimiter), _ROWS) if row]
    if not widths:  # all in one value, which is too long
        return False, 0
    fits = sum(width - widths[0] in (0, 1) for width in widths) > 0.8 * len(widths)
    return fits and widths[0] > 1, widths[0]


def _records(text: str, delimiter: str) -> Iterator[list[str]]:
    reader = csv.reader(
        StringIO(text.removeprefix("\ufeff"), newline=""), delimiter=delimiter or ","
    )
    try:
        yield from reader
    except csv.Error:  # a value that is too long ends the sample
        return


def _end_of_record(path: Path, text: str, start: int, delimiter: str) -> int:
    ends = [start]
    try:
        next(csv.reader(_noted(text, ends), delimiter=delimiter, strict=True), None)
    except csv.Error as error:
        if "unexpected end of data" in str(error):
            raise ValueError(
                f"{path}: a quote in the first line is never closed; mend the names"
            ) from None
    return ends[-1]


def _noted(text: str, ends: list[int]) -> Iterator[str]:
    """Yield lines, as long as they may be of a header, and note where each ends."""
    start = ends[0]
    for line in _LINE.finditer(text, start):
        if line.end() - start > _LONGEST_HEADER:
            return
        ends.append(line.end())
        yield line.group()


def _with_rows(header: Header, rows: list[list[str]]) -> Header:
    """Tell from rows which columns have no name."""
    names, rows = header.names, [row for row in rows if row]
    whole = rows[:-1] or rows
    if whole and all(len(row) == len(names) + 1 for row in whole):
        names = ["", *names] if _has_values(whole, len(names)) else [*names, ""]
    named = max((i for i, name in enumerate(names) if name), default=0) + 1
    spare = 0 if _has_values(whole, named) else len(names) - named
    row_names = len(names) > 1 + spare and names[0] in ("", _PANDAS_INDEX)
    return replace(header, names=names, row_names=row_names, spare=spare)


def _has_values(rows: list[list[str]], column: int) -> bool:
    return any("".join(row[column:]).strip() for row in rows)


def _are_numbers(names: list[str]) -> bool:
    return names != [str(i) for i in range(len(names))] and all(map(is_number, names))


def _some(names: list[str]) -> str:
    more = f" and {len(names) - 5} others" if len(names) > 5 else ""
    return ", ".join(names[:5]) + more

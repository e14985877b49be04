"""CSV as lines of text: what its first line says, and in which line something is wrong."""

import csv
import re
from collections.abc import Iterator
from io import BufferedReader, StringIO
from pathlib import Path

_MAGIC = {b"PAR1": "a Parquet file", b"PK\x03\x04": "a ZIP, NPZ or Excel file", b"\x1f\x8b": "gzip"}
_DELIMITERS = ",;\t|"
_LINE_END = re.compile(rb"\r\n|\n|\r")
_LONGEST_HEADER = 10_000_000
"""Characters: a quote that is not closed would be looked for in the whole file."""


def read_header(path: Path) -> tuple[list[str], str]:
    """Read the names of the columns of a file, and the delimiter."""
    check_is_text(path)
    with path.open("rb") as stream:
        return skip_header(path, stream)


def skip_header(path: Path, stream: BufferedReader) -> tuple[list[str], str]:
    """Read the names of the columns and the delimiter, and leave the stream behind them.

    A name in quotes may hold line ends.

    Raises:
        ValueError: if there are numbers and not names, or no text.
    """
    lines = _decoded(path, _lines(stream))
    text = next((line for line in lines if line.strip()), None)
    if text is None:
        raise ValueError(f"{path} has only blank lines; it needs names and rows")
    found = [len(_record(text, delimiter)) for delimiter in _DELIMITERS]
    delimiter = _DELIMITERS[found.index(max(found))]
    while not _is_whole(text, delimiter):
        more = next(lines, None)
        if more is None or len(text) > _LONGEST_HEADER:
            raise ValueError(f"{path}: a quote in the first line is never closed; mend the names")
        text += more
    names = [name.strip() for name in _record(text, delimiter)]
    _check_is_header(path, names)
    return names, delimiter


def _lines(stream: BufferedReader) -> Iterator[bytes]:
    """Yield lines that end in LF, CR LF or CR alone, and read no further than the last of them."""
    parts: list[bytes] = []
    while buffered := stream.peek():
        found = _LINE_END.search(buffered)
        parts.append(stream.read(len(buffered) if found is None else found.end()))
        if found is not None:
            if parts[-1].endswith(b"\r") and stream.peek()[:1] == b"\n":
                parts.append(stream.read(1))
            yield b"".join(parts)
            parts = []
    if parts:
        yield b"".join(parts)


def _decoded(path: Path, lines: Iterator[bytes]) -> Iterator[str]:
    try:
        for line in lines:
            yield line.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ValueError(f"{path} is not UTF-8 text; save it again with that encoding") from None


def _record(text: str, delimiter: str) -> list[str]:
    return next(csv.reader(StringIO(text, newline=""), delimiter=delimiter))


def _is_whole(text: str, delimiter: str) -> bool:
    """Tell whether all quotes are closed."""
    try:
        next(csv.reader(StringIO(text, newline=""), delimiter=delimiter, strict=True))
    except csv.Error as error:
        return "unexpected end of data" not in str(error)
    return True


def check_is_text(path: Path) -> None:
    """Refuse a file of another kind, whatever its ending says."""
    with path.open("rb") as stream:
        head = stream.read(4096)
    for magic, kind in _MAGIC.items():
        if head.startswith(magic):
            raise ValueError(f"{path} ends in {path.suffix} but is {kind}; rename or export it")
    if b"\0" in head:
        raise ValueError(f"{path} is not UTF-8 text but binary; export it as CSV in UTF-8")


def _check_is_header(path: Path, names: list[str]) -> None:
    counted = [str(i) for i in range(len(names))]
    if names != counted and all(is_number(name) for name in names):
        raise ValueError(
            f"{path}: the first line holds numbers ({', '.join(names[:3])}, ...), not the names "
            "of the columns; put a line of names before it"
        )


def is_number(text: str) -> bool:
    """Tell whether text is a number."""
    try:
        float(text)
    except ValueError:
        return False
    return True


def records(path: Path, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Yield the line number and the values of each row that is not blank, header first."""
    with path.open(encoding="utf-8-sig", errors="replace", newline="") as lines:
        reader = csv.reader(lines, delimiter=delimiter)
        yield from ((reader.line_num, record) for record in reader if record)


def line_of_row(path: Path, delimiter: str, row: int) -> int:
    """Find the line (from 1) on which a row (from 0) ends."""
    return next(line for i, (line, _) in enumerate(records(path, delimiter)) if i == row + 1)


def check_not_ragged(path: Path, delimiter: str, width: int) -> None:
    """Refuse a line with more or fewer values than there are columns."""
    for line, record in records(path, delimiter):
        if len(record) != width:
            raise ValueError(
                f"{path}, line {line}: {_count(len(record), 'value')} where the header names "
                f"{_count(width, 'column')} (delimiter {delimiter!r}); every line needs as many"
            )


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'s' if number != 1 else ''}"

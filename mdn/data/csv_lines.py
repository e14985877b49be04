"""CSV as lines of text: what its first line says, and in which line something is wrong."""

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

_MAGIC = {b"PAR1": "a Parquet file", b"PK\x03\x04": "a ZIP, NPZ or Excel file", b"\x1f\x8b": "gzip"}
_DELIMITERS = ",;\t|"
_BLANK = b"\xef\xbb\xbf \t\r\n"  # a byte order mark too


def read_header(path: Path) -> tuple[list[str], str]:
    """The names of the columns of a file, and the delimiter."""
    check_is_text(path)
    with path.open("rb") as stream:
        return parse_header(path, first_line(path, stream))


def first_line(path: Path, stream: BinaryIO) -> str:
    """The first line that is not blank; the stream then stands behind it."""
    try:
        return next(line.decode("utf-8-sig") for line in stream if line.strip(_BLANK))
    except UnicodeDecodeError:
        raise ValueError(f"{path} is not UTF-8 text; save it again with that encoding") from None
    except StopIteration:
        raise ValueError(f"{path} has only blank lines; it needs names and rows") from None


def parse_header(path: Path, line: str) -> tuple[list[str], str]:
    """The names of the columns in a line, and the delimiter that finds most of them.

    Raises:
        ValueError: if there are numbers, and not names.
    """
    headers = [next(csv.reader([line], delimiter=delimiter)) for delimiter in _DELIMITERS]
    longest = max(range(len(headers)), key=lambda i: len(headers[i]))
    names = [name.strip() for name in headers[longest]]
    _check_is_header(path, names)
    return names, _DELIMITERS[longest]


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
    """Whether text is a number."""
    try:
        float(text)
    except ValueError:
        return False
    return True


def records(path: Path, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Line number and values of each row that is not blank, header first."""
    with path.open(encoding="utf-8-sig", errors="replace", newline="") as lines:
        reader = csv.reader(lines, delimiter=delimiter)
        yield from ((reader.line_num, record) for record in reader if record)


def line_of_row(path: Path, delimiter: str, row: int) -> int:
    """The line (from 1) on which a row (from 0) ends."""
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

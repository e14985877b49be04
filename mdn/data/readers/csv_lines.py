"""Text files as lines: in which line something is wrong, and in how many."""

import csv
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from io import TextIOWrapper
from itertools import islice

from mdn.data.readers.csv_source import Source
from mdn.data.readers.long_lines import short_lines


def is_number(text: str) -> bool:
    """Tell whether text is a number."""
    try:
        float(text)
    except ValueError:
        return False
    return True


def records(source: Source, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Yield the line number and the values of each row that is not blank, header first.

    Raises:
        ValueError: at a line that is too long to be a row.
    """
    stream = source.open()
    with TextIOWrapper(stream, encoding="utf-8-sig", errors="replace", newline="") as text:
        reader = csv.reader(short_lines(text, source.name), delimiter=delimiter)
        with suppress(csv.Error):  # a value that is too long for it ends what can be told
            yield from ((reader.line_num, record) for record in reader if record)


def line_of_record(source: Source, delimiter: str, record: int) -> int | None:
    """Find the line (from 1) on which a record (from 0) ends; None where it cannot be told."""
    lines = enumerate(records(source, delimiter))
    return next((line for i, (line, _) in lines if i == record), None)


@dataclass(frozen=True)
class Ragged:
    """Lines that have more or fewer values than there are columns."""

    count: int
    line: int
    values: int

    def fault(self, width: int, delimiter: str) -> str:
        """Say what is wrong."""
        more = f" (and {_count(self.count - 1, 'more line')})" if self.count > 1 else ""
        return (
            f"line {self.line}{more}: {_count(self.values, 'value')} where the header names "
            f"{_count(width, 'column')} (delimiter {delimiter!r}); every line needs as many"
        )


def find_ragged(source: Source, delimiter: str, width: int, before: int) -> Ragged | None:
    """Find the lines with more or fewer values than there are columns, behind some records."""
    count, first = 0, (0, 0)
    for line, record in islice(records(source, delimiter), before, None):
        if len(record) != width:
            first = first if count else (line, len(record))
            count += 1
    return Ragged(count, *first) if count else None


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'s' if number != 1 else ''}"

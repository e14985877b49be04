"""CSV, read by Arrow in formats that are guessed from the first rows.

Where a later row contradicts a guess, the file is read once more as text, the formats are told
from all rows, and a word is said of it. No value is read in another format than its column's.
"""

import io
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import pyarrow as pa

from mdn.data.formats.format import Format
from mdn.data.formats.guess import choose, either, likely, listed, possible, remarks, restrict
from mdn.data.formats.missing import present
from mdn.data.formats.number_formats import Integer
from mdn.data.formats.typed_text import (
    Misfit,
    beyond_exact,
    decimal_of,
    first_misfit,
    read_as,
    typed,
)
from mdn.data.readers.columns import not_a_number
from mdn.data.readers.csv_source import FileSource, PipeSource
from mdn.data.readers.csv_text import CsvText, Types
from mdn.data.readers.reader import Reader, Wanted, no_rows, row_number

_NOTHING = pa.array([], pa.string())
_REFUSED = (pa.ArrowInvalid, Misfit)


class CsvReader(Reader):
    """Text with a header, whose columns are parted by commas, semicolons, tabs, bars or blanks.

    Args:
        path: of the file, or what to call the stream.
        stream: what to read instead of the file.
    """

    def __init__(self, path: Path, stream: io.BufferedIOBase | None = None) -> None:
        self._text = CsvText(FileSource(path) if stream is None else PipeSource(path, stream))
        self._formats: dict[str, Format] = {}
        self._unclear: set[str] = set()
        self._changes: list[str] = []
        self.head = no_rows(path, self._text.header.columns)

    @property
    def num_values(self) -> float:
        """About how many values there are."""
        return self._text.num_values

    @property
    def notes(self) -> list[str]:
        notes = [*self._text.notes, *remarks(self._formats), *dict.fromkeys(self._changes)]
        unclear = [name for name in self._unclear if self._formats[name].kind == "text"]
        if unclear:
            notes.append(
                f"{listed(sorted(unclear))}: dates whose day may be their month, left as text; "
                "write them year-month-day"
            )
        return notes

    @property
    def formats(self) -> dict[str, str]:
        return {name: form.code for name, form in self._formats.items()}

    def fraction(self) -> float | None:
        return self._text.source.fraction()

    def settle(self, names: list[str], wanted: Wanted) -> dict[str, str]:
        self._guess(names, wanted)
        bad: set[str] = set()
        for block in self._all_as_text(names):
            bad |= {name for name in names if not self._holds(name, block.column(name))}
        changed = [name for name in names if name in bad]
        if changed:
            found = {name: possible(_NOTHING) for name in changed}
            for block in self._all_as_text(changed):
                for name in changed:
                    here = possible(present(block.column(name)))
                    found[name] = [form for form in found[name] if form in here]
            self._choose(self._kept | found, names, wanted)
            self._changes.append(
                f"{listed(changed)}: later rows contradict the first ones, so all were read once "
                "more"
            )
        return self.formats

    @property
    def _kept(self) -> dict[str, list[Format]]:
        return {name: [form] for name, form in self._formats.items()}

    def _all_as_text(self, names: list[str]) -> Iterator[pa.Table]:
        """Read all rows as text, some of them twice if the file is not what it seemed."""
        while True:
            try:
                yield from self._text.blocks(_as_text(names))
                return
            except pa.ArrowInvalid as error:
                if not self._text.mend(error):
                    raise

    def _holds(self, name: str, text: pa.ChunkedArray) -> bool:
        form = self._formats[name]
        return form.kind == "text" or form.fits(present(text))

    def _whole(self, names: list[str], wanted: Wanted) -> pa.Table:
        doubtful: list[str] = []
        while True:
            types = self._guess(names, wanted).with_text(doubtful)
            try:
                table = self._text.read(types)
            except pa.ArrowInvalid as error:
                if not self._text.mend(error):
                    doubtful = names if doubtful else self._refused(error, names)
                continue
            try:
                self._tell(doubtful, table, wanted)
                return self._exact(typed(table, self._formats))
            except Misfit as error:
                if error.name in doubtful:
                    raise self._wrong(error.name, table.column(error.name), 0) from None
                doubtful = names if doubtful else [error.name]

    def _refused(self, error: pa.ArrowInvalid, names: list[str]) -> list[str]:
        """Tell in which column Arrow refused something; all of them where it does not say."""
        said = re.search(r"CSV column #(\d+)", str(error))
        return names if said is None else [self._text.header.names[int(said[1])]]

    def _tell(self, names: list[str], text: pa.Table, wanted: Wanted) -> None:
        """Tell the formats of columns from all of their values, where the guess does not hold."""
        guessed = self._formats
        bad = [name for name in names if not self._holds(name, text.column(name))]
        if not bad:
            return
        found = {name: possible(present(text.column(name))) for name in bad}
        self._choose(self._kept | found, list(guessed), wanted)
        for name in bad:
            self._note_change(name, guessed[name], text.column(name))

    def _blocks(self, names: list[str], others: list[str], wanted: Wanted) -> Iterator[pa.Table]:
        ways = [self._guess(names, wanted), _as_text(names)]
        done, error = 0, None
        while ways:
            try:
                for block in self._after(done, ways[0].with_text(others)):
                    yield typed(block, self._formats)
                    done += block.num_rows
                return
            except _REFUSED as caught:
                ways = ways if self._text.mend(caught) else ways[1:]
                error = self._fault(names, done) if not ways else None
        if error is not None:
            raise error

    def _after(self, done: int, types: Types) -> Iterator[pa.Table]:
        """Read blocks, without the rows of those that have been handed on."""
        for block in self._text.blocks(types):
            if done < block.num_rows:
                yield block.slice(done)
            done = max(0, done - block.num_rows)

    def _guess(self, names: list[str], wanted: Wanted) -> Types:
        sample = self._text.sample()
        found = {name: likely(present(sample.column(name))) for name in sample.column_names}
        self._choose(found, names, wanted)
        return Types(read_as(self._formats, sample), decimal_of(self._formats))

    def _choose(self, found: Mapping[str, list[Format]], names: list[str], wanted: Wanted) -> None:
        forms = {name: restrict(some, wanted.get(name)) for name, some in found.items()}
        chosen = choose(forms, self._text.header.delimiter)
        self._formats = {name: chosen[name] for name in names}
        self._unclear |= {name for name in names if either(forms[name])}

    def _note_change(self, name: str, guessed: Format, text: pa.ChunkedArray) -> None:
        row, form = first_misfit(guessed, text), self._formats[name]
        if row is not None and form is not guessed:
            self._changes.append(
                f"column {name!r}: {self._place(row)} holds {text[row].as_py()!r}, so it was read "
                f"once more, as {form.kind}"
            )

    def _exact(self, table: pa.Table) -> pa.Table:
        """Say where whole numbers are no longer exact."""
        large = [
            name
            for name, form in self._formats.items()
            if isinstance(form, Integer) and beyond_exact(table.column(name))
        ]
        if large:
            self._changes.append(
                f"{listed(large)}: whole numbers beyond 2^53, of which the last digits are lost"
            )
        return table

    def _fault(self, names: list[str], done: int) -> ValueError:
        """Make the error for the first value, from some row on, that does not fit its column."""
        for block in self._after(done, _as_text(names)):
            for name in names:
                if first_misfit(self._formats[name], block.column(name)) is not None:
                    return self._wrong(name, block.column(name), done)
            done += block.num_rows
        raise AssertionError("no value is at fault")

    def _wrong(self, name: str, text: pa.ChunkedArray, start: int) -> ValueError:
        form = self._formats[name]
        row = first_misfit(form, text)
        assert row is not None
        place, value = self._place(start + row), text[row].as_py()
        if form.kind == "number":
            return not_a_number(self.head.source, place, name, value)
        return ValueError(
            f"{self.head.source}, {place}: column {name!r} holds {value!r} where other rows are "
            f"{form.code}; write every row so"
        )

    def _place(self, row: int) -> str:
        return self._text.place(row) if self._text.source.rewinds else row_number(row)


def _as_text(names: list[str]) -> Types:
    return Types(dict.fromkeys(names, pa.string()))

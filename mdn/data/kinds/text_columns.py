"""Columns of text that hold numbers, dates or truth: read as the readers of files read them."""

from dataclasses import replace

import pyarrow as pa

from mdn.data.formats.format import Format
from mdn.data.formats.guess import choose, possible, restrict
from mdn.data.formats.missing import present
from mdn.data.formats.text_formats import WORDS
from mdn.data.formats.typed_text import typed
from mdn.data.readers.columns import Columns
from mdn.data.readers.reader import Wanted

_TEXTS = (pa.string(), pa.large_string())
_STAY_TEXT = ("text", WORDS)


def read_text(columns: Columns, wanted: Wanted) -> Columns:
    """Return columns of which those that were text, and need not be, are something else.

    Args:
        columns: the columns, perhaps with formats that are known; those found are added.
        wanted: what some of them shall be; the others are guessed.
    """
    table, wanted = columns.table, {**wanted, **columns.formats}
    texts = [f.name for f in table.schema if f.type in _TEXTS]
    texts = [name for name in texts if wanted.get(name) not in _STAY_TEXT]
    if not texts:
        return columns
    found = {name: _formats(table.column(name), wanted.get(name)) for name in texts}
    chosen = {name: form for name, form in choose(found, ",").items() if form.kind != "text"}
    read = typed(_as_strings(table.select(list(chosen))), chosen)
    for name in chosen:
        position = table.column_names.index(name)
        table = table.set_column(position, name, read.column(name))
    codes = {name: form.code for name, form in chosen.items()}
    return replace(columns, table=table, formats={**columns.formats, **codes})


def _formats(column: pa.ChunkedArray, wanted: str | None) -> list[Format]:
    forms = possible(present(column.unique().cast(pa.string())))
    alike = [form for form in restrict(forms, wanted) if form in forms]
    return alike or [form for form in forms if form.kind == "text"]


def _as_strings(table: pa.Table) -> pa.Table:
    return table.cast(pa.schema([(name, pa.string()) for name in table.column_names]))

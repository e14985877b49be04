"""A copy of a text file as Parquet, for tables that are read again and again, or in parts."""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
from pyarrow import parquet

from mdn.data.readers.parquet_reader import FORMATS, NOTES
from mdn.data.readers.reader import Reader, Wanted
from mdn.data.write import make_folder, replaced

_ROWS = 1 << 17
"""Rows of a row group."""

_VERSION = 2
"""Of how copies are written; another one makes them anew."""


def as_parquet(reader: Reader, folder: str | Path, wanted: Wanted | None = None) -> Path:
    """Copy all columns of a file to Parquet, unless a copy of the same file is there.

    The copy is whole or not there at all; a file that has changed since gets another one. Memory is
    constant: where a later row contradicts what was guessed from the first ones, the rows are read
    once more before they are copied.

    Args:
        reader: of a file.
        folder: where copies are, made if it is not there.
        wanted: what columns shall be.

    Raises:
        ValueError: if the file is not what it should be.
    """
    wanted, folder = dict(wanted or {}), Path(folder)
    path = folder / f"{Path(reader.head.source).name}.{_key(reader, wanted)}.parquet"
    if not path.exists():
        make_folder(folder)
        try:
            _copy(reader, path, wanted)
        except ValueError as error:
            settled = reader.settle(reader.head.table.column_names, wanted)
            if settled == wanted:
                raise error from None
            _copy(reader, path, settled)
    return path


def _key(reader: Reader, wanted: Wanted) -> str:
    source = Path(reader.head.source).resolve()
    state = source.stat()
    facts = [_VERSION, str(source), state.st_size, state.st_mtime_ns, sorted(wanted.items())]
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:16]


def _copy(reader: Reader, path: Path, wanted: Wanted) -> None:
    groups = _groups(reader, wanted)
    first = next(groups)
    with (
        replaced(path) as beside,
        parquet.ParquetWriter(beside, first.schema, write_page_checksum=True) as writer,
    ):
        writer.write_table(first)
        for group in groups:
            writer.write_table(group.cast(first.schema))
        told = {NOTES: reader.notes, FORMATS: reader.formats}
        writer.add_key_value_metadata({name: json.dumps(each) for name, each in told.items()})


def _groups(reader: Reader, wanted: Wanted) -> Iterator[pa.Table]:
    held: list[pa.Table] = []
    for piece in reader.pieces(reader.head.table.column_names, [], wanted):
        held.append(piece.table)
        if sum(table.num_rows for table in held) >= _ROWS:
            yield pa.concat_tables(held)
            held = []
    if held:
        yield pa.concat_tables(held)

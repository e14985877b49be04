"""Tables from files, each read as its ending says."""

import io
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from glob import glob
from pathlib import Path

import pyarrow as pa

from mdn.data.kinds.wanted_formats import wanted_formats
from mdn.data.make_table import table_of
from mdn.data.readers.arrow_reader import open_arrow
from mdn.data.readers.csv_reader import CsvReader
from mdn.data.readers.json_reader import JsonReader
from mdn.data.readers.npz_reader import NpyReader, NpzReader
from mdn.data.readers.parquet_files import ParquetFiles, files_below
from mdn.data.readers.parquet_reader import ParquetReader
from mdn.data.readers.reader import Reader, check_is_file
from mdn.data.roles import Roles, assign_roles, named_split, names_to_read
from mdn.data.splits.settings import SplitBy
from mdn.data.table import ColumnKeys, SaidKinds, Table

STANDARD_INPUT = "-"

_PACKED = (".gz", ".bz2", ".zst", ".zip")
"""Endings of files that are packed text."""

_TEXT: dict[str, Callable[[Path], Reader]] = {
    **dict.fromkeys((".csv", ".tsv", ".txt", ".dat"), CsvReader),
    **dict.fromkeys((".jsonl", ".ndjson"), JsonReader),
}

READERS: dict[str, Callable[[Path], Reader]] = {
    **_TEXT,
    **dict.fromkeys((".parquet", ".pq"), ParquetReader),
    **dict.fromkeys((".feather", ".arrow", ".ipc"), open_arrow),
    ".npz": NpzReader,
    ".npy": NpyReader,
    **{text + packed: reader for text, reader in _TEXT.items() for packed in _PACKED},
}
"""The reader for each ending of a file's name."""


def open_rows(path: str | Path) -> Reader:
    """Open a file of columns, Parquet in a folder or a pattern, or "-" for CSV on standard input.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it is not such a file.
    """
    if str(path) == STANDARD_INPUT:
        stream = sys.stdin.buffer
        assert isinstance(stream, io.BufferedReader)
        return CsvReader(Path("standard input"), stream)
    return _open_path(Path(path))


def _open_path(path: Path) -> Reader:
    if path.is_dir():
        return _open_files(path, path, files_below(path))
    if not path.exists() and glob(str(path)):
        found = sorted(map(Path, glob(str(path), recursive=True)))
        return _open_files(path, _before_pattern(path), found)
    check_is_file(path)
    return _reader(path)(path)


def _reader(path: Path) -> Callable[[Path], Reader]:
    ending = "".join(path.suffixes[-2:]).lower() if path.suffix in _PACKED else path.suffix.lower()
    if ending not in READERS:
        plain = ", ".join(list(READERS)[: -len(_TEXT) * len(_PACKED)])
        raise ValueError(
            f"{path}: the ending must be one of {plain}; text may be packed: {', '.join(_PACKED)}"
        )
    return READERS[ending]


def _open_files(path: Path, base: Path, files: list[Path]) -> Reader:
    wrong = [file for file in files if file.suffix.lower() not in (".parquet", ".pq")]
    if not files or wrong:
        what = f"names {wrong[0]}" if wrong else "is a folder without .parquet files"
        raise ValueError(
            f"{path} {what}; give the path of one file, or of Parquet files of the same columns"
        )
    return ParquetFiles(path, base, files)


def _before_pattern(path: Path) -> Path:
    plain = [part for part in path.parts]
    first = next(i for i, part in enumerate(plain) if any(mark in part for mark in "*?["))
    return Path(*plain[:first])


def read_table(
    path: str | Path,
    targets: ColumnKeys,
    inputs: ColumnKeys | None,
    weight: str | int | None,
    exclude: ColumnKeys = (),
    kinds: SaidKinds | None = None,
    formats: Mapping[str, str] | None = None,
    by: SplitBy | None = None,
) -> tuple[Table, Roles]:
    """Read the rows of a file, and the names of the columns that were meant.

    Args:
        path: a file of columns, or a folder or a pattern of Parquet files.
        targets: as for `Table.from_frame`, and so are the others.
        inputs: columns.
        weight: a column, or None.
        exclude: columns that are no inputs.
        kinds: of columns that would be taken for something else.
        formats: how columns of text are written, as the reading of another file has found.
        by: what the rows will be split by; the table gets their marks.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if the file or one of these columns is not what it should be.
    """
    reader = _open_path(Path(path))
    by, exclude = named_split(reader.head, by or SplitBy(), exclude)
    roles = assign_roles(reader.head, targets, inputs, weight, exclude)
    names, wanted = names_to_read(roles, by), wanted_formats(kinds or {}) | dict(formats or {})
    columns = reader.read(names, _among(wanted, names))
    table = table_of(replace(columns, formats=formats or {}), roles, kinds, by)
    pa.default_memory_pool().release_unused()  # what the file took beside the table
    written = {**table.reading.formats, **reader.formats}
    told = replace(table.reading, notes=tuple(reader.notes), formats=written)
    return replace(table, reading=told), replace(roles, inputs=table.input_names)


def _among(wanted: Mapping[str, str], names: Sequence[str]) -> dict[str, str]:
    return {name: wanted[name] for name in names if name in wanted}

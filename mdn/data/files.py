"""Tables from files: CSV, Parquet and NPZ."""

import io
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from mdn.data.csv_reader import CsvReader
from mdn.data.make_table import table_of
from mdn.data.npz_reader import NpzReader
from mdn.data.parquet_reader import ParquetReader
from mdn.data.reader import Reader, check_is_file
from mdn.data.reading import Reading
from mdn.data.roles import Roles, assign_roles
from mdn.data.table import ColumnKeys, SaidKinds, Table
from mdn.data.wanted_formats import wanted_formats

STANDARD_INPUT = "-"

READERS: dict[str, Callable[[Path], Reader]] = {
    ".csv": CsvReader,
    ".parquet": ParquetReader,
    ".npz": NpzReader,
}
"""The reader for each ending of a file's name."""


def open_rows(path: str | Path) -> Reader:
    """Open a .csv, .parquet or .npz file, or CSV on standard input, for which "-" stands.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it is not such a file.
    """
    if str(path) == STANDARD_INPUT:
        stream = sys.stdin.buffer
        assert isinstance(stream, io.BufferedReader)
        return CsvReader(Path("standard input"), stream)
    return _open_file(Path(path))


def _open_file(path: Path) -> Reader:
    check_is_file(path)
    reader = READERS.get(path.suffix.lower())
    if reader is None:
        raise ValueError(f"{path}: the ending must be one of {', '.join(READERS)}")
    return reader(path)


def read_table(
    path: str | Path,
    targets: ColumnKeys,
    inputs: ColumnKeys | None,
    weight: str | int | None,
    exclude: ColumnKeys = (),
    kinds: SaidKinds | None = None,
    formats: Mapping[str, str] | None = None,
) -> tuple[Table, Roles]:
    """Read the rows of a file, and the names of the columns that were meant.

    Args:
        path: a .csv, .parquet or .npz file.
        targets: as for `Table.from_frame`, and so are the others.
        inputs: columns.
        weight: a column, or None.
        exclude: columns that are no inputs.
        kinds: of columns that would be taken for something else.
        formats: how columns of text are written, as the reading of another file has found.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if the file or one of these columns is not what it should be.
    """
    reader = _open_file(Path(path))
    roles = assign_roles(reader.head, targets, inputs, weight, exclude)
    wanted = wanted_formats(kinds or {}) | dict(formats or {})
    table = table_of(reader.read(roles.names, _among(wanted, roles.names)), roles, kinds)
    told = Reading(table.reading.left_out, tuple(reader.notes), reader.formats)
    return replace(table, reading=told), replace(roles, inputs=table.input_names)


def _among(wanted: Mapping[str, str], names: Sequence[str]) -> dict[str, str]:
    return {name: wanted[name] for name in names if name in wanted}

"""Tables from files: CSV, Parquet and NPZ."""

import io
import sys
from collections.abc import Callable
from pathlib import Path

from mdn.data.columns import Roles, assign_roles, table_of
from mdn.data.csv_reader import CsvReader
from mdn.data.npz_reader import NpzReader
from mdn.data.parquet_reader import ParquetReader
from mdn.data.reader import Reader, check_is_file
from mdn.data.table import ColumnKeys, Table

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
    path: str | Path, targets: ColumnKeys, inputs: ColumnKeys | None, weight: str | int | None
) -> tuple[Table, Roles]:
    """Read the rows of a file, and the names of the columns that were meant.

    Args:
        path: a .csv, .parquet or .npz file.
        targets: columns by name or position.
        inputs: as targets; None for all the rest, an empty list for a density of the targets.
        weight: the column that says how often each row counts, or None; rows that do not count
            are left out.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if the file or one of these columns is not what it should be.
    """
    reader = _open_file(Path(path))
    roles = assign_roles(reader.head, targets, inputs, weight)
    return table_of(reader.read(roles.names), roles), roles

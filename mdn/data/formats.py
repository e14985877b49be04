"""Files of columns: CSV, Parquet and NPZ, each read as what its ending says or refused.

Readers forgive a lot without a word: a ragged CSV, two columns of one name, semicolons taken for
text. Here each of these is an error that says where the file is not what it should be.
"""

import re
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
from pyarrow import csv as arrow_csv
from pyarrow import parquet

from mdn.data.csv_lines import check_not_ragged, line_of_row, read_header, skip_header

_PANDAS_INDEX = re.compile(r"__index_level_\d+__")


@dataclass(frozen=True)
class ColumnFile:
    """A file in memory.

    Attributes:
        path: where it was.
        table: its columns, of any type.
        place: says in words where a row (from 0) is.
    """

    path: Path
    table: pa.Table
    place: Callable[[int], str]


def read_file(path: str | Path) -> ColumnFile:
    """Read a file of columns with distinct names and at least one row.

    CSV has a header, in UTF-8, and commas, semicolons, tabs or bars. An NPZ holds one array per
    column; a two-dimensional array `x` stands for the columns x0, x1, ...

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it is not such a file.
    """
    path = Path(path)
    check_is_file(path)
    if path.suffix.lower() not in READERS:
        raise ValueError(f"{path}: the ending must be one of {', '.join(READERS)}")
    file = READERS[path.suffix.lower()](path)
    check_names(path, file.table.column_names)
    if file.table.num_rows == 0:
        raise ValueError(f"{path} has column names and no rows; give it at least one row")
    return file


def check_is_file(path: Path) -> None:
    """Refuse what is not there, a folder, or empty."""
    if path.is_dir():
        raise ValueError(f"{path} is a folder; give the path of one file in it")
    if not path.exists():
        raise FileNotFoundError(f"there is no file {path}; check data.path and its relatives")
    if path.stat().st_size == 0:
        raise ValueError(f"{path} is empty; it needs column names and rows")


def check_names(path: Path, names: list[str]) -> None:
    """Refuse two columns of one name."""
    doubled = [name for name, count in Counter(names).items() if count > 1]
    if doubled:
        raise ValueError(f"{path} has more than one column named {doubled[0]!r}; rename them")


def _read_csv(path: Path) -> ColumnFile:
    header, delimiter = read_header(path)
    check_names(path, header)
    try:
        table = _behind_header(path, header, delimiter)
    except pa.ArrowInvalid as error:
        check_not_ragged(path, delimiter, len(header))
        raise ValueError(f"{path} cannot be read as CSV: {error}") from None
    return ColumnFile(path, table, lambda row: f"line {line_of_row(path, delimiter, row)}")


def _behind_header(path: Path, header: list[str], delimiter: str) -> pa.Table:
    with path.open("rb") as stream:
        skip_header(path, stream)
        if not stream.peek():  # Arrow refuses to read nothing
            return pa.table({name: pa.nulls(0) for name in header})
        return arrow_csv.read_csv(
            stream,
            read_options=arrow_csv.ReadOptions(column_names=header),
            parse_options=arrow_csv.ParseOptions(delimiter=delimiter),
            convert_options=arrow_csv.ConvertOptions(strings_can_be_null=True),
        )


def _read_parquet(path: Path) -> ColumnFile:
    with parquet_errors(path):
        table = open_parquet(path).read()
    # pandas writes the index of a shuffled frame as a column that its own reader hides again.
    index = [name for name in table.column_names if _PANDAS_INDEX.fullmatch(name)]
    return ColumnFile(path, table.drop_columns(index), row_number)


def open_parquet(path: Path) -> parquet.ParquetFile:
    """A Parquet file whose pages are held against their checksums, where it has them."""
    return parquet.ParquetFile(path, page_checksum_verification=True, pre_buffer=False)


@contextmanager
def parquet_errors(path: Path) -> Iterator[None]:
    """Refuse a file that is cut short, damaged or something else."""
    try:
        yield
    except (pa.ArrowException, OSError) as error:
        raise ValueError(
            f"{path} is not a whole Parquet file: {_first_line(error)}; write or copy it again"
        ) from None


def _read_npz(path: Path) -> ColumnFile:
    if not zipfile.is_zipfile(path):
        raise ValueError(f"{path} is not a whole NPZ file; write it again with numpy.savez")
    try:
        with np.load(path, allow_pickle=False) as arrays:
            columns = [column for name in arrays.files for column in _spread(name, arrays[name])]
            columns = [(name, pa.array(column)) for name, column in columns]
    except Exception as error:
        raise ValueError(
            f"{path} holds something other than columns of numbers: {_first_line(error)}; write "
            "it with numpy.savez and one array per column, or matrices"
        ) from None
    _check_lengths(path, columns)
    check_names(path, [name for name, _ in columns])
    return ColumnFile(path, pa.table(dict(columns)), row_number)


def _spread(name: str, array: np.ndarray) -> list[tuple[str, np.ndarray]]:
    """One column, or the columns of a matrix with a number after the name."""
    if array.ndim == 1:
        return [(name, array)]
    if array.ndim == 2:
        return [(f"{name}{i}", array[:, i]) for i in range(array.shape[1])]
    raise ValueError(f"array {name!r} has {array.ndim} dimensions where 1 or 2 are wanted")


def _check_lengths(path: Path, columns: list[tuple[str, pa.Array]]) -> None:
    lengths = {name: len(column) for name, column in columns}
    if len(set(lengths.values())) > 1:
        raise ValueError(f"{path}: arrays differ in length: {lengths}; every array needs one a row")


def row_number(row: int) -> str:
    """The place of a row (from 0) in a file without lines."""
    return f"row {row + 1}"


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


READERS: dict[str, Callable[[Path], ColumnFile]] = {
    ".csv": _read_csv,
    ".parquet": _read_parquet,
    ".npz": _read_npz,
}
"""What each ending is read with."""

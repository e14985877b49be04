"""Files of columns: CSV, Parquet and NPZ, each read as what its ending says or refused.

Readers forgive a lot without a word: a ragged CSV, two columns of one name, semicolons taken for
text. Here each of these is an error that says where the file is not what it should be.
"""

import csv
import re
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
from pyarrow import csv as arrow_csv
from pyarrow import parquet

_MAGIC = {b"PAR1": "a Parquet file", b"PK\x03\x04": "a ZIP, NPZ or Excel file", b"\x1f\x8b": "gzip"}
_DELIMITERS = ",;\t|"
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
    _check_is_file(path)
    if path.suffix.lower() not in READERS:
        raise ValueError(f"{path}: the ending must be one of {', '.join(READERS)}")
    file = READERS[path.suffix.lower()](path)
    _check_names(path, file.table.column_names)
    if file.table.num_rows == 0:
        raise ValueError(f"{path} has column names and no rows; give it at least one row")
    return file


def _check_is_file(path: Path) -> None:
    if path.is_dir():
        raise ValueError(f"{path} is a folder; give the path of one file in it")
    if not path.exists():
        raise FileNotFoundError(f"there is no file {path}; check data.path and its relatives")
    if path.stat().st_size == 0:
        raise ValueError(f"{path} is empty; it needs column names and rows")


def _check_names(path: Path, names: list[str]) -> None:
    doubled = [name for name, count in Counter(names).items() if count > 1]
    if doubled:
        raise ValueError(f"{path} has more than one column named {doubled[0]!r}; rename them")


def _read_csv(path: Path) -> ColumnFile:
    header, delimiter = _header(path)
    parse = arrow_csv.ParseOptions(delimiter=delimiter)
    convert = arrow_csv.ConvertOptions(strings_can_be_null=True)
    try:
        table = arrow_csv.read_csv(path, parse_options=parse, convert_options=convert)
    except pa.ArrowInvalid as error:
        _check_not_ragged(path, delimiter, len(header))
        raise ValueError(f"{path} cannot be read as CSV: {error}") from None
    return ColumnFile(
        path,
        table.rename_columns(header),
        lambda row: f"line {_line_of_row(path, delimiter, row)}",
    )


def _header(path: Path) -> tuple[list[str], str]:
    _check_is_text(path)
    try:
        with path.open(encoding="utf-8-sig", newline="") as lines:
            first = next(line for line in lines if line.strip())
    except UnicodeDecodeError:
        raise ValueError(f"{path} is not UTF-8 text; save it again with that encoding") from None
    except StopIteration:
        raise ValueError(f"{path} has only blank lines; it needs names and rows") from None
    return parse_header(path, first)


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


def _check_is_text(path: Path) -> None:
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


def _records(path: Path, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Line number and values of each row that is not blank, header first."""
    with path.open(encoding="utf-8-sig", errors="replace", newline="") as lines:
        reader = csv.reader(lines, delimiter=delimiter)
        yield from ((reader.line_num, record) for record in reader if record)


def _line_of_row(path: Path, delimiter: str, row: int) -> int:
    return next(line for i, (line, _) in enumerate(_records(path, delimiter)) if i == row + 1)


def _check_not_ragged(path: Path, delimiter: str, width: int) -> None:
    for line, record in _records(path, delimiter):
        if len(record) != width:
            raise ValueError(
                f"{path}, line {line}: {_count(len(record), 'value')} where the header names "
                f"{_count(width, 'column')} (delimiter {delimiter!r}); every line needs as many"
            )


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'s' if number != 1 else ''}"


def _read_parquet(path: Path) -> ColumnFile:
    try:
        table = parquet.ParquetFile(path).read()
    except (pa.ArrowException, OSError) as error:
        raise ValueError(f"{path} is not a whole Parquet file: {_first_line(error)}") from None
    # pandas writes the index of a shuffled frame as a column that its own reader hides again.
    index = [name for name in table.column_names if _PANDAS_INDEX.fullmatch(name)]
    return ColumnFile(path, table.drop_columns(index), _row_number)


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
    _check_names(path, [name for name, _ in columns])
    return ColumnFile(path, pa.table(dict(columns)), _row_number)


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


def _row_number(row: int) -> str:
    return f"row {row + 1}"


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


READERS: dict[str, Callable[[Path], ColumnFile]] = {
    ".csv": _read_csv,
    ".parquet": _read_parquet,
    ".npz": _read_npz,
}
"""What each ending is read with."""

"""NPZ and NPY.

NPZ has one array per column; a two-dimensional array x stands for the columns x0, x1, ... NPY has
one array: its fields are the columns, or c0, c1, ...
"""

import zipfile
from pathlib import Path

import numpy as np
import pyarrow as pa

from mdn.data.readers.blocks import MOST_COLUMNS
from mdn.data.readers.reader import WholeReader, check_names, first_line
from mdn.distributions.checks import check_fits

_START = 12
_LONGEST_HEADER = 1 << 16
"""Bytes; NumPy itself refuses a sixth of it, but only when it has read all."""


class NpzReader(WholeReader):
    """An NPZ file of columns, which holds no pickled objects."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, _read(path))


class NpyReader(WholeReader):
    """An NPY file of rows, which holds no pickled objects."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, _read_array(path))


def _read_array(path: Path) -> pa.Table:
    try:
        array = np.load(path, allow_pickle=False)
        if array.dtype.names is None:
            columns = _spread("c", array[:, None] if array.ndim == 1 else array)
        else:
            columns = [part for name in array.dtype.names for part in _spread(name, array[name])]
        return pa.table({name: _arrow(column) for name, column in columns})
    except Exception as error:
        raise ValueError(
            f"{path} is not a whole NPY file of rows: {first_line(error)}; write a matrix or a "
            "structured array with numpy.save"
        ) from None


def _arrow(column: np.ndarray) -> pa.Array:
    if column.dtype.kind == "S":
        column = np.char.decode(column, "utf-8")
    return pa.array(np.ascontiguousarray(column))


def _read(path: Path) -> pa.Table:
    if not zipfile.is_zipfile(path):
        raise ValueError(f"{path} is not a whole NPZ file; write it again with numpy.savez")
    try:
        _check_members(path)
        with np.load(path, allow_pickle=False) as arrays:
            columns = [column for name in arrays.files for column in _spread(name, arrays[name])]
            columns = [(name, _arrow(column)) for name, column in columns]
    except Exception as error:
        raise ValueError(
            f"{path} holds something other than columns of numbers: {first_line(error)}; write "
            "it with numpy.savez and one array per column, or matrices"
        ) from None
    _check_lengths(path, columns)
    check_names(path, [name for name, _ in columns])
    return pa.table(dict(columns))


def _check_members(path: Path) -> None:
    """Refuse what NumPy would unpack before it looks at it."""
    with zipfile.ZipFile(path) as archive:
        members = archive.infolist()
        check_fits(sum(member.file_size for member in members), "its arrays")
        for member in members:
            with archive.open(member) as file:
                _check_header(file.read(_START))


def _check_header(start: bytes) -> None:
    # Behind the magic number and the version stands the length, in two bytes or four.
    length = int.from_bytes(start[8:10] if start[6:7] == b"\x01" else start[8:12], "little")
    if length > _LONGEST_HEADER:
        raise ValueError(f"an array whose header has {length} bytes")


def _spread(name: str, array: np.ndarray) -> list[tuple[str, np.ndarray]]:
    """One column, or the columns of a matrix with a number after the name."""
    if array.ndim == 1:
        return [(name, array)]
    if array.ndim == 2:
        if array.shape[1] > MOST_COLUMNS:
            raise ValueError(
                f"array {name!r} has {array.shape[1]} columns, more than {MOST_COLUMNS}"
            )
        return [(f"{name}{i}", array[:, i]) for i in range(array.shape[1])]
    raise ValueError(f"array {name!r} has {array.ndim} dimensions where 1 or 2 are wanted")


def _check_lengths(path: Path, columns: list[tuple[str, pa.Array]]) -> None:
    lengths = {name: len(column) for name, column in columns}
    if len(set(lengths.values())) > 1:
        raise ValueError(f"{path}: arrays differ in length: {lengths}; every array needs one a row")

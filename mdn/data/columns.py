"""Which columns of a file are meant, and their values as numbers."""

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

import numpy as np
import pyarrow as pa
import torch
from jaxtyping import Float64
from torch import Tensor

from mdn.data.csv_lines import is_number
from mdn.data.formats import ColumnFile

LARGEST = 1e30
"""Beyond this a value, or what a model makes of it, could leave the range of float32."""

Wanted = Sequence[str | int] | str | int
"""Columns by name or by position, where -1 is the last."""


@dataclass(frozen=True)
class Selection:
    """Names of the columns that a model is about."""

    inputs: list[str]
    targets: list[str]
    weight: str | None


def select(
    file: ColumnFile, targets: Wanted, inputs: Wanted | None, weight: str | int | None
) -> Selection:
    """The columns meant; inputs that are not given are all the rest.

    Raises:
        ValueError: if a column is not there, or is asked for twice.
    """
    target_names = find_columns(file, targets)
    weights = [] if weight is None else find_columns(file, weight)
    taken = target_names + weights
    if inputs is None:
        input_names = [name for name in file.table.column_names if name not in taken]
        find_columns(file, input_names)
    else:
        input_names = find_columns(file, inputs)
    if not target_names:
        raise ValueError(f"data.targets names no column; choose from {_listed(file)}")
    _check_once(file.path, input_names + taken)
    return Selection(input_names, target_names, weights[0] if weights else None)


def find_columns(file: ColumnFile, wanted: Wanted) -> list[str]:
    """Names of columns that the file has.

    Raises:
        ValueError: if it has not.
    """
    if isinstance(wanted, str | int):
        wanted = [wanted]
    return [_find(file, name) for name in wanted]


def _find(file: ColumnFile, wanted: str | int) -> str:
    names = file.table.column_names
    if isinstance(wanted, int) and -len(names) <= wanted < len(names):
        wanted = names[wanted]
    if not isinstance(wanted, str) or wanted not in names:
        close = get_close_matches(str(wanted), names, n=1)
        hint = f" (did you mean {close[0]!r}?)" if close else ""
        raise ValueError(f"{file.path} has no column {wanted!r}{hint}; it has {_listed(file)}")
    if not wanted:
        raise ValueError(
            f"{file.path}: column {names.index(wanted) + 1} has no name; name it, or name the "
            "inputs that are wanted"
        )
    return wanted


def _listed(file: ColumnFile) -> str:
    names = [repr(name) for name in file.table.column_names]
    return ", ".join(names[:20]) + (f" and {len(names) - 20} more" if len(names) > 20 else "")


def _check_once(path: Path, names: list[str]) -> None:
    twice = [name for i, name in enumerate(names) if name in names[:i]]
    if twice:
        raise ValueError(
            f"{path}: column {twice[0]!r} is asked for twice; a target cannot be an input or a "
            "weight too"
        )


def matrix(file: ColumnFile, names: Sequence[str]) -> Float64[Tensor, "N C"]:
    """The values of columns, side by side.

    Raises:
        ValueError: if one holds something other than finite numbers.
    """
    values = np.empty((file.table.num_rows, len(names)))
    for i, name in enumerate(names):
        values[:, i] = _numbers(file, name)
    return torch.from_numpy(values)


def _numbers(file: ColumnFile, name: str) -> np.ndarray:
    column = file.table.column(name)
    _check_type(file, name, column)
    if pa.types.is_boolean(column.type):
        column = column.cast(pa.uint8())
    values = column.cast(pa.float64(), safe=False).to_numpy()
    finite = np.isfinite(values)
    _check_all(file, name, finite, "missing, NaN or infinite", "remove or fill these rows")
    small = np.abs(values) <= LARGEST
    _check_all(file, name, small, f"beyond {LARGEST:g}", "change the unit or mend these rows")
    return values


def _check_type(file: ColumnFile, name: str, column: pa.ChunkedArray) -> None:
    kind = column.type
    if pa.types.is_dictionary(kind):
        column, kind = column.cast(kind.value_type), kind.value_type
    if _is_text(kind) and column.null_count < len(column):
        row, value = _first_text(column)
        raise ValueError(
            f"{file.path}, {file.place(row)}: column {name!r} holds {value!r}, not a number; mend "
            "it, encode it as numbers, or leave it out of data.inputs"
        )
    if not (_is_text(kind) or _is_numeric(kind)):
        raise ValueError(
            f"{file.path}: column {name!r} is of type {kind}, not numbers; turn it into numbers "
            "(a date into days since another, say), or leave it out of data.inputs"
        )


def _is_text(kind: pa.DataType) -> bool:
    texts = (pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view)
    return any(test(kind) for test in (*texts, pa.types.is_binary, pa.types.is_large_binary))


def _is_numeric(kind: pa.DataType) -> bool:
    numbers = (pa.types.is_integer, pa.types.is_floating, pa.types.is_decimal)
    return any(test(kind) for test in (*numbers, pa.types.is_boolean, pa.types.is_null))


def _first_text(column: pa.ChunkedArray) -> tuple[int, str]:
    """The first value that is no number, or the first value where all look like numbers."""
    values = [(row, _text(value)) for row, value in enumerate(column.to_pylist()) if value]
    return next((value for value in values if not is_number(value[1])), values[0])


def _text(value: str | bytes) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else value


def _check_all(file: ColumnFile, name: str, good: np.ndarray, fault: str, remedy: str) -> None:
    if not good.all():
        bad = np.flatnonzero(~good)
        count = "1 value that is" if len(bad) == 1 else f"{len(bad)} values that are"
        raise ValueError(
            f"{file.path}: column {name!r} has {count} {fault}, the first in "
            f"{file.place(int(bad[0]))}; {remedy}"
        )

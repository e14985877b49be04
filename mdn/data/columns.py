"""Which columns of a file or a frame are meant, and their values as numbers."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

import numpy as np
import pyarrow as pa
import torch
from jaxtyping import Float64
from torch import Tensor

from mdn.data.csv_lines import is_number
from mdn.data.missing_targets import weighted_rows
from mdn.data.table import ColumnKeys, Table

LARGEST = 1e30
"""Beyond this a value, or what a model makes of it, could leave the range of float32."""


@dataclass(frozen=True)
class Columns:
    """Named columns of any type, and where they are from.

    Attributes:
        source: the path of the file, or what to call the frame.
        table: the columns.
        place: says in words where a row (from 0) is.
    """

    source: str
    table: pa.Table
    place: Callable[[int], str]


@dataclass(frozen=True)
class Roles:
    """Names of the columns that a model is about, by what they are to it."""

    inputs: list[str]
    targets: list[str]
    weight: str | None

    @property
    def names(self) -> list[str]:
        """All of these names."""
        return [*self.inputs, *self.targets, *([] if self.weight is None else [self.weight])]


def assign_roles(
    columns: Columns, targets: ColumnKeys, inputs: ColumnKeys | None, weight: str | int | None
) -> Roles:
    """Find the columns that are meant; without `inputs` all the rest are inputs.

    Raises:
        ValueError: if a column is not there, or is named twice.
    """
    target_names = find_columns(columns, targets)
    weights = [] if weight is None else find_columns(columns, weight)
    taken = target_names + weights
    if inputs is None:
        input_names = [name for name in columns.table.column_names if name not in taken]
        find_columns(columns, input_names)
    else:
        input_names = find_columns(columns, inputs)
    if not target_names:
        raise ValueError(f"`targets` names no column; choose from {_listed(columns)}")
    _check_once(columns, input_names + taken)
    return Roles(input_names, target_names, weights[0] if weights else None)


def find_columns(columns: Columns, keys: ColumnKeys) -> list[str]:
    """Find the names of columns.

    Raises:
        ValueError: if one is not there.
    """
    if isinstance(keys, str | int):
        keys = [keys]
    return [_find(columns, key) for key in keys]


def _find(columns: Columns, key: str | int) -> str:
    names = columns.table.column_names
    if isinstance(key, int) and -len(names) <= key < len(names):
        key = names[key]
    if not isinstance(key, str) or key not in names:
        close = get_close_matches(str(key), names, n=1)
        hint = f" (did you mean {close[0]!r}?)" if close else ""
        raise ValueError(f"{columns.source} has no column {key!r}{hint}; it has {_listed(columns)}")
    if not key:
        raise ValueError(
            f"{columns.source}: column {names.index(key) + 1} has no name; name it, or name the "
            "inputs that are wanted"
        )
    return key


def _listed(columns: Columns) -> str:
    names = [repr(name) for name in columns.table.column_names]
    return ", ".join(names[:20]) + (f" and {len(names) - 20} more" if len(names) > 20 else "")


def _check_once(columns: Columns, names: list[str]) -> None:
    twice = [name for i, name in enumerate(names) if name in names[:i]]
    if twice:
        raise ValueError(
            f"{columns.source}: column {twice[0]!r} is asked for twice; a target cannot be an "
            "input or a weight too"
        )


def table_of(columns: Columns, roles: Roles) -> Table:
    """Make a table of the columns that have a role; rows of weight zero are left out.

    Raises:
        ValueError: if one holds something other than finite numbers, or weights are not weights.
    """
    x, y = matrix(columns, roles.inputs), matrix(columns, roles.targets, missing=True)
    x, y, weights, dropped = weighted_rows(x, y, _weights(columns, roles))
    check_weights(columns.source, weights)
    table = Table(x, y, weights, roles.inputs, roles.targets, dropped=dropped)
    return with_targets(columns.source, table.counted())


def _weights(columns: Columns, roles: Roles) -> Float64[Tensor, " N"] | None:
    if roles.weight is None:
        return None
    return matrix(columns, [roles.weight], missing=True).squeeze(-1)


def with_targets(source: str, table: Table) -> Table:
    """Return a table, unless none of its rows are left.

    Raises:
        ValueError: if no row has a target, or a weight.
    """
    if len(table) == 0 and table.dropped:
        raise ValueError(
            f"{source}: no row has both a target ({', '.join(table.target_names)}) and a weight "
            "above 0; name other columns, or mend these"
        )
    return table


def check_weights(source: str, weight: Float64[Tensor, " N"] | None) -> None:
    """Refuse weights below zero, and weights that are all zero."""
    if weight is not None and ((weight < 0).any() or weight.sum() <= 0):
        raise ValueError(
            f"{source}: weights must be 0 or more, and not all 0; the smallest is "
            f"{weight.min().item():g}; mend the column or leave `weight` out"
        )


def matrix(columns: Columns, names: Sequence[str], missing: bool = False) -> Float64[Tensor, "N C"]:
    """Put the values of columns side by side.

    Args:
        columns: the columns.
        names: of those that are wanted.
        missing: whether values may be missing; they become NaN.

    Raises:
        ValueError: if one holds something other than finite numbers.
    """
    values = np.empty((columns.table.num_rows, len(names)))
    for i, name in enumerate(names):
        values[:, i] = _numbers(columns, name, missing)
    return torch.from_numpy(values)


def _numbers(columns: Columns, name: str, missing: bool) -> np.ndarray:
    column = columns.table.column(name)
    _check_type(columns, name, column)
    if pa.types.is_boolean(column.type):
        column = column.cast(pa.uint8())
    values = column.cast(pa.float64(), safe=False).to_numpy()
    left_out = np.isnan(values) & missing
    finite = np.isfinite(values) | left_out
    _check_all(columns, name, finite, "missing, NaN or infinite", "remove or fill these rows")
    small = (np.abs(values) <= LARGEST) | left_out
    _check_all(columns, name, small, f"beyond {LARGEST:g}", "change the unit or mend these rows")
    return values


def _check_type(columns: Columns, name: str, column: pa.ChunkedArray) -> None:
    kind = column.type
    if pa.types.is_dictionary(kind):
        column, kind = column.cast(kind.value_type), kind.value_type
    if _is_text(kind) and column.null_count < len(column):
        row, value = _first_text(column)
        raise not_a_number(columns.source, columns.place(row), name, value)
    if not (_is_text(kind) or _is_numeric(kind)):
        raise ValueError(
            f"{columns.source}: column {name!r} is of type {kind}, not numbers; turn it into "
            "numbers (a date into days since another, say), or leave it out of `inputs`"
        )


def not_a_number(source: str, place: str, name: str, value: str) -> ValueError:
    """Make the error to raise at a value that is text."""
    return ValueError(
        f"{source}, {place}: column {name!r} holds {value!r}, not a number; mend it, encode it as "
        "numbers, or leave it out of `inputs`"
    )


def _is_text(kind: pa.DataType) -> bool:
    texts = (pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view)
    return any(test(kind) for test in (*texts, pa.types.is_binary, pa.types.is_large_binary))


def _is_numeric(kind: pa.DataType) -> bool:
    numbers = (pa.types.is_integer, pa.types.is_floating, pa.types.is_decimal)
    return any(test(kind) for test in (*numbers, pa.types.is_boolean, pa.types.is_null))


def _first_text(column: pa.ChunkedArray) -> tuple[int, str]:
    """Find the first value that is no number, or the first of all where all look like numbers."""
    values = [(row, _text(value)) for row, value in enumerate(column.to_pylist()) if value]
    return next((value for value in values if not is_number(value[1])), values[0])


def _text(value: str | bytes) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else value


def _check_all(columns: Columns, name: str, good: np.ndarray, fault: str, remedy: str) -> None:
    if not good.all():
        bad = np.flatnonzero(~good)
        count = "1 value that is" if len(bad) == 1 else f"{len(bad)} values that are"
        raise ValueError(
            f"{columns.source}: column {name!r} has {count} {fault}, the first in "
            f"{columns.place(int(bad[0]))}; {remedy}"
        )

"""Tables from frames and arrays."""

from collections.abc import Iterable
from dataclasses import replace

import narwhals as nw
import pyarrow as pa
from jaxtyping import Float64
from torch import Tensor

from mdn.data.frame_columns import arrow_columns
from mdn.data.frames import check_different, check_eager, columns_by_name, rows_of_numbers
from mdn.data.make_table import check_weights, table_of, with_targets
from mdn.data.missing_targets import known_weights
from mdn.data.readers.columns import LARGEST, Columns
from mdn.data.readers.reader import row_number
from mdn.data.roles import Roles, assign_roles, named_split, names_to_read
from mdn.data.splits.settings import SplitBy
from mdn.data.table import ColumnKeys, SaidKinds, Table

_LETTERS = {"input": "x", "target": "y"}
"""The first letters of names of columns where none are given."""


def table_of_frame(
    frame: object,
    targets: ColumnKeys,
    inputs: ColumnKeys | None,
    weight: str | int | None,
    exclude: ColumnKeys,
    kinds: SaidKinds | None,
    by: SplitBy,
) -> Table:
    """Make the table of `Table.from_frame`."""
    check_eager(frame)
    rows = nw.from_native(frame, pass_through=True)
    if not isinstance(rows, nw.DataFrame):
        raise TypeError(f"frame must be a frame with named columns, got {type(frame).__name__}")
    if len(rows) == 0:
        raise ValueError("the frame has no rows; give it at least one")
    named = columns_by_name(rows)
    head = pa.table({name: pa.nulls(0) for name in named})
    columns = Columns("the frame", head, row_number)
    by, exclude = named_split(columns, by, exclude)
    roles = assign_roles(columns, targets, inputs, weight, exclude)
    return table_of(arrow_columns(named, names_to_read(roles, by)), roles, kinds, by)


def table_of_inputs(
    frame: nw.DataFrame,
    y: Float64[Tensor, "N D"],
    weight: Float64[Tensor, " N"] | None,
    target_names: list[str],
) -> Table:
    """Make a table of a frame of inputs, and of targets and weights that lie beside it.

    Raises:
        ValueError: if two columns have one name, or nothing can be learned from one.
    """
    named = columns_by_name(frame)
    check_different("X and y", [*named, *target_names])
    columns = arrow_columns(named, list(named))
    table = columns.table
    for name, values in zip(target_names, y.T.numpy(), strict=True):
        table = table.append_column(name, pa.array(values))
    roles = Roles(list(named), target_names, None)
    rows = table_of(replace(columns, table=table), roles)
    return rows if weight is None else replace(rows, weight=weight).counted()


def table_of_arrays(
    X: object,
    y: object,
    weight: object,
    input_names: object,
    target_names: object,
) -> Table:
    """Make the table of `Table.from_arrays`."""
    targets = _matrix(y, "y")
    inputs = targets.new_empty(len(targets), 0) if X is None else _matrix(X, "X")
    weights = None if weight is None else _one_each(_matrix(weight, "weight"))
    for name, values in (("X", inputs), ("weight", weights)):
        if values is not None and len(values) != len(targets):
            raise ValueError(f"{name} has {len(values)} rows and y {len(targets)}; give as many")
    weights, dropped = known_weights(weights)
    check_weights("the arrays", weights)
    columns = _names("input", input_names, inputs), _names("target", target_names, targets)
    check_different("input_names and target_names", [*columns[0], *columns[1]])
    table = Table(inputs, targets, weights, *columns, dropped=dropped)
    return with_targets("the arrays", table.counted())


def _matrix(values: object, name: str) -> Float64[Tensor, "N C"]:
    rows = rows_of_numbers(values, f"{name} must be rows of numbers")
    rows = rows[:, None] if rows.ndim == 1 else rows
    if rows.ndim != 2 or len(rows) == 0:
        raise ValueError(f"{name} must be rows of numbers, at least one, got {tuple(rows.shape)}")
    bad = rows.abs() > LARGEST  # NaN is not, and is missing
    if bad.any():
        row, column = bad.nonzero()[0].tolist()
        raise ValueError(
            f"{name} must be finite numbers up to {LARGEST:g}, got {rows[row, column].item()} in "
            f"row {row}, column {column}; remove or fill such rows"
        )
    return rows


def _one_each(weight: Float64[Tensor, "N C"]) -> Float64[Tensor, " N"]:
    if weight.shape[1] != 1:
        raise ValueError(
            f"weight must be one number for each row, got shape {tuple(weight.shape)}; give one "
            "column of it"
        )
    return weight.squeeze(1)


def _names(role: str, names: object, values: Tensor) -> list[str]:
    count, letter = values.shape[1], _LETTERS[role]
    if names is None:
        return [f"{letter}{i}" for i in range(count)]
    texts = list(names) if isinstance(names, Iterable) and not isinstance(names, str) else [names]
    if isinstance(names, str) or not all(isinstance(name, str) for name in texts):
        raise TypeError(f"{role}_names must be a list of text, got {names!r:.100}")
    if len(texts) != count:
        raise ValueError(f"got {len(texts)} names, {texts}, for {count} columns of {letter}")
    return [str(name) for name in texts]  # NumPy has a text of its own

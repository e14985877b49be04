"""Tables from frames and arrays."""

from collections import Counter
from collections.abc import Sequence

import narwhals as nw
import pyarrow as pa
from jaxtyping import Float64
from torch import Tensor

from mdn.data.columns import LARGEST, Columns, assign_roles, check_weights, table_of
from mdn.data.frames import check_eager, rows_of_numbers
from mdn.data.reader import first_line, row_number
from mdn.data.table import ColumnKeys, Table


def table_of_frame(
    frame: object, targets: ColumnKeys, inputs: ColumnKeys | None, weight: str | int | None
) -> Table:
    """Make the table of `Table.from_frame`."""
    check_eager(frame)
    rows = nw.from_native(frame, pass_through=True)
    if not isinstance(rows, nw.DataFrame):
        raise TypeError(f"frame must be a frame with named columns, got {type(frame).__name__}")
    if len(rows) == 0:
        raise ValueError("the frame has no rows; give it at least one")
    _check_names("frame", rows.columns)
    head = pa.table({str(name): pa.nulls(0) for name in rows.columns})
    roles = assign_roles(Columns("the frame", head, row_number), targets, inputs, weight)
    named = {str(name): rows.get_column(name) for name in rows.columns}
    columns = pa.table({name: _arrow(named[name], name) for name in roles.names})
    return table_of(Columns("the frame", columns, row_number), roles)


def _arrow(column: nw.Series, name: str) -> pa.ChunkedArray | pa.Array:
    try:
        return column.to_arrow()
    except (pa.ArrowException, TypeError) as error:
        raise ValueError(
            f"the frame: column {name!r} holds something other than numbers ({first_line(error)}); "
            "turn it into numbers, or leave it out of `inputs`"
        ) from None


def table_of_arrays(
    X: object,
    y: object,
    weight: object,
    input_names: Sequence[str] | None,
    target_names: Sequence[str] | None,
) -> Table:
    """Make the table of `Table.from_arrays`."""
    targets = _matrix(y, "y")
    inputs = targets.new_empty(len(targets), 0) if X is None else _matrix(X, "X")
    weights = None if weight is None else _matrix(weight, "weight").squeeze(1)
    for name, values in (("X", inputs), ("weight", weights)):
        if values is not None and len(values) != len(targets):
            raise ValueError(f"{name} has {len(values)} rows and y {len(targets)}; give as many")
    check_weights("the arrays", weights)
    columns = _names(input_names, "x", inputs), _names(target_names, "y", targets)
    _check_names("input_names and target_names", [*columns[0], *columns[1]])
    return Table(inputs, targets, weights, *columns).counted()


def _matrix(values: object, name: str) -> Float64[Tensor, "N C"]:
    rows = rows_of_numbers(values, f"{name} must be rows of numbers")
    rows = rows[:, None] if rows.ndim == 1 else rows
    if rows.ndim != 2 or len(rows) == 0:
        raise ValueError(f"{name} must be rows of numbers, at least one, got {tuple(rows.shape)}")
    bad = ~(rows.abs() <= LARGEST)  # nor is it NaN
    if bad.any():
        row, column = bad.nonzero()[0].tolist()
        raise ValueError(
            f"{name} must be finite numbers up to {LARGEST:g}, got {rows[row, column].item()} in "
            f"row {row}, column {column}; remove or fill such rows"
        )
    return rows


def _names(names: Sequence[str] | None, letter: str, values: Tensor) -> list[str]:
    count = values.shape[1]
    if names is None:
        return [f"{letter}{i}" for i in range(count)]
    if len(names) != count:
        raise ValueError(f"got {len(names)} names, {list(names)}, for {count} columns of {letter}")
    return list(names)


def _check_names(what: str, names: Sequence[object]) -> None:
    doubled = [name for name, count in Counter(map(str, names)).items() if count > 1]
    if doubled:
        raise ValueError(f"{what}: more than one column is named {doubled[0]!r}; rename them")

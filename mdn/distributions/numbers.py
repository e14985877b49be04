"""Numbers as users have them, as tensors: arrays, frames, columns, lists, plain numbers.

Tensors and arrays of a floating type keep it. Everything else, whole numbers among it, becomes
double precision, which loses no digit of what a Python float or a 32 bit integer holds.
Missing entries of a column become NaN.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, NoReturn

import numpy as np
import torch
from torch import Tensor

if TYPE_CHECKING:
    import narwhals as nw
    from narwhals.typing import IntoDataFrame, IntoSeries

    Numbers = Tensor | np.ndarray | Sequence | float | IntoDataFrame | IntoSeries
else:
    Numbers = object
"""What `as_tensor` reads; at run time anything may come, and is refused in its own words."""

_FLOATING = (torch.float64, torch.float32, torch.float16, torch.bfloat16)
_WHOLE = (torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64)


def as_tensor(values: Numbers, name: str) -> Tensor:
    """Read numbers as a tensor, in their own shape and on their own device.

    Args:
        values: a tensor, an array, a series or a frame of any library that narwhals knows, lists,
            or a plain number.
        name: of the argument, for messages.

    Raises:
        TypeError: on what is not real numbers, such as text, objects, complex or boolean values,
            and on a frame that has not been collected.
    """
    if isinstance(values, Tensor):
        return _of_tensor(values, name)
    plain = isinstance(values, np.ndarray | Sequence | int | float)
    return _of_array(_array(values if plain else _of_frame(values, name), name), name)


def column_numbers(column: "nw.Series") -> np.ndarray:
    """Return a column of a frame in double precision, NaN where an entry is missing."""
    import narwhals as nw  # Only whoever has a frame needs it.

    return column.cast(nw.Float64).to_numpy().astype(np.float64)


def _of_tensor(values: Tensor, name: str) -> Tensor:
    if values.dtype in _WHOLE:
        return values.double()
    if values.dtype not in _FLOATING or values.layout != torch.strided:
        _refuse(name, f"a tensor of {values.dtype} with layout {values.layout}")
    return values


def _of_frame(values: object, name: str) -> object:
    import narwhals as nw

    known = nw.from_native(values, allow_series=True, pass_through=True)
    if isinstance(known, nw.LazyFrame):
        raise TypeError(f"{name} is a LazyFrame, which holds no numbers yet; call .collect() first")
    if isinstance(known, nw.Series):
        return _column(known, name)
    if isinstance(known, nw.DataFrame):
        columns = [_column(known.get_column(title), name) for title in known.columns]
        return np.stack(columns, -1) if columns else np.empty((len(known), 0))
    return values


def _column(column: "nw.Series", name: str) -> np.ndarray:
    if not column.dtype.is_numeric():
        _refuse(name, f"column {column.name!r} of type {column.dtype}")
    return column_numbers(column)


def _array(values: object, name: str) -> np.ndarray:
    try:
        return np.asanyarray(values)
    except (ValueError, TypeError, RuntimeError) as error:
        raise TypeError(f"{name} must be an array of real numbers: {error}") from error


def _of_array(values: np.ndarray, name: str) -> Tensor:
    if isinstance(values, np.ma.MaskedArray):
        _refuse(name, "a masked array, whose mask would be lost; use .filled(numpy.nan)")
    if values.dtype.kind not in "iuf":
        _refuse(name, f"an array of {values.dtype}" if values.ndim else repr(values.item()))
    kept = values.dtype.kind == "f" and values.dtype.itemsize <= 8
    # A copy in this machine's own byte order: arrays that belong to a frame are not writable.
    kind = np.dtype(values.dtype.type) if kept else np.dtype(np.float64)
    return torch.from_numpy(np.array(values, dtype=kind, order="C", subok=False))


def _refuse(name: str, got: str) -> NoReturn:
    raise TypeError(f"{name} must be real numbers, got {got}")

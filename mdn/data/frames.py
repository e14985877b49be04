"""Inputs as users have them, arrays, tensors or frames, as one matrix of what a model takes."""

from collections import Counter
from collections.abc import Mapping, Sequence

import narwhals as nw
import numpy as np
import torch
from jaxtyping import Float64
from torch import Tensor

from mdn.networks.kinds import Category, Kind, Time, numbers


def input_matrix(
    data: object,
    names: Sequence[str],
    kinds: Sequence[Kind] | None = None,
    formats: Mapping[str, str] | None = None,
) -> Float64[Tensor, "N P"]:
    """Read the values of the inputs, in the order of `names`, coded by their kinds.

    Args:
        data: a frame (pandas, polars, pyarrow and others), whose columns are picked by name, or,
            where all kinds are numbers or truth values, rows of numbers in the order of `names`: a
            tensor, an array or a list.
        names: of the P inputs.
        kinds: of them, as the model has them; numbers by default.
        formats: how columns of text are written, as the model has them.

    Raises:
        ValueError: if a column is missing or not of its kind, or a number is infinite.
    """
    frame, names = nw.from_native(data, pass_through=True), list(names)
    check_eager(frame)
    if isinstance(frame, nw.DataFrame):
        return _of_frame(frame, names, kinds or numbers(len(names)), formats or {})
    _check_plain_numbers(data, names, kinds or ())
    x = _of_rows(data, names)
    if x.isinf().any():
        row, column = x.isinf().nonzero()[0].tolist()
        raise ValueError(
            f"inputs must be finite, got {x[row, column].item()} in row {row} of "
            f"{names[column]!r}; mend or drop such rows, or give NaN where it is missing"
        )
    return x


def _check_plain_numbers(data: object, names: Sequence[str], kinds: Sequence[Kind]) -> None:
    """Refuse rows without names of columns that are not numbers: nobody knows their codes."""
    coded = [
        name for name, kind in zip(names, kinds, strict=False) if isinstance(kind, Category | Time)
    ]
    if coded:
        raise ValueError(
            f"the model takes text or dates in {coded!r:.200}, which a {type(data).__name__} of "
            f"numbers does not hold; give a frame with columns {names!r:.200}"
        )


def check_eager(data: object) -> None:
    """Refuse a frame whose rows are not there yet.

    Raises:
        TypeError: if they have to be collected first.
    """
    if isinstance(nw.from_native(data, pass_through=True), nw.LazyFrame):
        kind = type(data).__name__
        raise TypeError(f"got a {kind}, which holds no rows yet; call its collect() first")


def _of_frame(
    frame: nw.DataFrame, names: Sequence[str], kinds: Sequence[Kind], formats: Mapping[str, str]
) -> Float64[Tensor, "N P"]:
    from mdn.data.frame_columns import frame_matrix  # rows of numbers take no pyarrow

    named = columns_by_name(frame)
    missing = [name for name in names if name not in named]
    if missing:
        raise ValueError(
            f"the model takes columns {names}, and the frame lacks {missing}; it has {list(named)}"
        )
    if not names:
        return torch.empty(len(frame), 0, dtype=torch.float64)
    return frame_matrix(named, names, kinds, formats)


def columns_by_name(frame: nw.DataFrame) -> dict[str, nw.Series]:
    """Return the columns of a frame by their names as text: the label 2 is the name "2".

    Raises:
        ValueError: if two of them then have one name.
    """
    check_different("frame", frame.columns)
    return {str(label): frame.get_column(label) for label in frame.columns}


def check_different(what: str, names: Sequence[object]) -> None:
    """Refuse names of columns of which two are the same text.

    Args:
        what: where they are from, for the message.
        names: of the columns.

    Raises:
        ValueError: on such names.
    """
    doubled = [name for name, count in Counter(map(str, names)).items() if count > 1]
    if doubled:
        raise ValueError(f"{what}: more than one column is named {doubled[0]!r}; rename them")


def _of_rows(data: object, names: Sequence[str]) -> Float64[Tensor, "N P"]:
    x = rows_of_numbers(data, f"inputs must be a frame or rows of {len(names)} numbers, {names}")
    if x.ndim != 2 or x.shape[1] != len(names):
        raise ValueError(
            f"inputs must be rows of {len(names)} numbers, {names}; got shape {tuple(x.shape)}"
        )
    return x


def rows_of_numbers(data: object, wanted: str) -> Float64[Tensor, "..."]:
    """Copy real numbers from a tensor, an array or lists to a tensor of their shape.

    Args:
        data: the numbers.
        wanted: what they must be, with the name of the argument: the first half of a refusal.

    Raises:
        ValueError: if they are text, objects, complex, or not of a regular shape.
    """
    rows = data if isinstance(data, Tensor) else _array(data, wanted)
    if rows.is_complex():
        name = wanted.split()[0]
        raise ValueError(f"{name} must be real numbers, got {rows.dtype}; take their parts apart")
    return rows.detach().cpu().double()


def _array(data: object, wanted: str) -> Tensor:
    try:
        rows = np.asarray(data)
        # Text that looks like numbers is refused in a frame too; NumPy would read it.
        kind = np.float64 if rows.dtype.kind in "biufO" else rows.dtype
        # A copy, as arrays that belong to a frame may not be written to.
        return torch.from_numpy(np.array(rows, dtype=kind))
    except (TypeError, ValueError) as error:
        reason = str(error).split(". ")[0]
        raise ValueError(f"{wanted}; got {type(data).__name__} ({reason})") from None

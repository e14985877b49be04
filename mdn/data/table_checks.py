"""Checks of the parts of a table, cheap enough for every selection of rows."""

from collections.abc import Sequence

import torch
from jaxtyping import Float64
from torch import Tensor

from mdn.networks.weights import check_weights


def check_matrix(name: str, values: object, names: Sequence[str]) -> None:
    """Refuse what is not a matrix in double precision with one name a column.

    Args:
        name: of the matrix.
        values: the matrix.
        names: of its columns.

    Raises:
        TypeError: on what is not a tensor of float64.
        ValueError: on another number of axes or columns.
    """
    _check_double(name, values)
    shape = tuple(values.shape)
    if len(shape) != 2 or shape[1] != len(names):
        raise ValueError(
            f"{name} must have shape [rows, {len(names)}], a column for each of the names "
            f"{[*names]!r:.200}; got shape {shape}"
        )


def check_names(names: Sequence[str]) -> None:
    """Refuse names of columns that are not text, or not different.

    Raises:
        TypeError: on a name that is not text.
        ValueError: on a name that is there twice.
    """
    if not all(isinstance(name, str) for name in names):
        raise TypeError(f"names of columns must be text, got {[*names]!r:.200}")
    if len(set(names)) < len(names):
        raise ValueError(f"names of columns must be different, got {[*names]!r:.200}")


def check_row_weights(weight: Float64[Tensor, " N"], num_rows: int) -> None:
    """Refuse weights that are not one number for each row, or no weights.

    Raises:
        TypeError: on what is not a tensor of float64.
        ValueError: on another shape, and on weights that are not finite, negative or all zero.
    """
    _check_double("weight", weight)
    _check_double("weight", weight)
    if len(weight) == num_rows and not weight.any():
        if num_rows:
            raise ValueError(
                f"rows of positive weight: 0 of {num_rows}; weigh some of them, or give None where "
                "all count alike"
            )
        return
    check_weights(weight, num_rows)


def _check_double(name: str, values: object) -> None:
    if not isinstance(values, Tensor) or values.dtype != torch.float64:
        got = values.dtype if isinstance(values, Tensor) else type(values).__name__
        raise TypeError(
            f"{name} must be a tensor of torch.float64, got {got}; Table.from_arrays takes arrays, "
            "lists and tensors of any numbers"
        )

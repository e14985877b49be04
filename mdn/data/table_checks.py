"""Checks of the parts of a table, cheap enough for every selection of rows."""

from collections.abc import Sequence

import torch
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
    shape = tuple(_double(name, values).shape)
    if len(shape) != 2 or shape[1] != len(names):
        raise ValueError(
            f"{name} must have shape [rows, {len(names)}], a column for each of the names "
            f"{[*names]!r:.200}; got shape {shape}"
        )


def check_lengths(x: Tensor, y: Tensor) -> None:
    """Refuse inputs and targets of different numbers of rows.

    Raises:
        ValueError: on such matrices.
    """
    if len(x) != len(y):
        raise ValueError(f"x has {len(x)} rows and y {len(y)}; give as many")


def check_names(names: Sequence[object]) -> None:
    """Refuse names of columns that are not text, or not different.

    Raises:
        TypeError: on a name that is not text.
        ValueError: on a name that is there twice.
    """
    if not all(isinstance(name, str) for name in names):
        raise TypeError(f"names of columns must be text, got {[*names]!r:.200}")
    if len(set(names)) < len(names):
        raise ValueError(f"names of columns must be different, got {[*names]!r:.200}")


def check_kinds(kinds: Sequence[object], names: Sequence[str]) -> None:
    """Refuse anything but one kind for each input.

    Raises:
        ValueError: on another number of kinds.
    """
    if len(kinds) != len(names):
        raise ValueError(f"got {len(kinds)} kinds for {len(names)} inputs; give one for each")


def check_row_weights(weight: object, num_rows: int) -> None:
    """Refuse weights that are not one number for each row, or no weights.

    Raises:
        TypeError: on what is not a tensor of float64.
        ValueError: on another shape, and on weights that are not finite, negative or all zero.
    """
    weights = _double("weight", weight)
    if num_rows and len(weights) == num_rows and not weights.any():
        raise ValueError(
            f"rows of positive weight: 0 of {num_rows}; weigh some of them, or give None where all "
            "count alike"
        )
    if num_rows or len(weights):
        check_weights(weights, num_rows)


def _double(name: str, values: object) -> Tensor:
    if isinstance(values, Tensor) and values.dtype == torch.float64:
        return values
    got = values.dtype if isinstance(values, Tensor) else type(values).__name__
    raise TypeError(
        f"{name} must be a tensor of torch.float64, got {got}; Table.from_arrays takes arrays, "
        "lists and tensors of any numbers"
    )

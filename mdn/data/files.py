"""Tables from files: CSV, Parquet and NPZ."""

from pathlib import Path

import torch
from torch import Tensor

from mdn.data.columns import Selection, Wanted, matrix, select
from mdn.data.formats import read_file
from mdn.data.table import Table
from mdn.networks.units import column_units, effective_rows

_LARGEST = 1e140
"""Variances, and products of a few of them, stay within float64."""

_FEWEST_EFFECTIVE = 1.5
"""Effective rows below which one row has four fifths of the weight or more."""


def read_table(
    path: str | Path, targets: Wanted, inputs: Wanted | None, weight: str | int | None
) -> tuple[Table, Selection]:
    """The rows of a file, and the names of the columns that were meant.

    Args:
        path: a .csv, .parquet or .npz file.
        targets: columns by name or position.
        inputs: as targets; None for all the rest, an empty list for a density of the targets.
        weight: the column that says how often each row counts, or None; rows that do not count
            are left out.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if the file or one of these columns is not what it should be.
    """
    file = read_file(path)
    chosen = select(file, targets, inputs, weight)
    weights = None if chosen.weight is None else matrix(file, [chosen.weight]).squeeze(-1)
    _check_weights(path, weights)
    x, y = matrix(file, chosen.inputs), matrix(file, chosen.targets)
    table = Table(x, y, weights, chosen.inputs, chosen.targets)
    return table.counted(), chosen


def check_learnable(table: Table, path: str | Path) -> None:
    """Refuse training rows from which no density can be learnt.

    Raises:
        ValueError: if there is only one, or one has nearly all the weight, or a target never
            changes, is also an input, or is too large or small for float64.
    """
    _check_rows(table, path)
    units = column_units(table.y, table.weight)
    for name, y, spread in zip(table.target_names, table.y.T, units.spread.tolist(), strict=True):
        if spread == 0:
            raise ValueError(
                f"{path}: target {name!r} is {y[0].item():g} in every training row, so its "
                "density would be infinite; leave it out of data.targets"
            )
        _check_magnitude(name, y.abs().max().item(), spread, path)
        _check_no_leak(table, name, y, path)


def _check_rows(table: Table, path: str | Path) -> None:
    if len(table) < 2:
        counted = "" if table.weight is None else " of positive weight"
        raise ValueError(
            f"{path}: rows{counted} to train on: {len(table)}; at least 2 are needed, beside those "
            "that are held back to validate on"
        )
    rows = 2.0 if table.weight is None else effective_rows(table.weight)
    if rows < _FEWEST_EFFECTIVE:
        raise ValueError(
            f"{path}: one of {len(table)} training rows has nearly all the weight: they tell as "
            f"much as {rows:.2f} rows of equal weight; check the weights"
        )


def _check_magnitude(name: str, largest: float, spread: float, path: str | Path) -> None:
    if largest > _LARGEST or not 1 / _LARGEST < spread < _LARGEST:
        raise ValueError(
            f"{path}: target {name!r} holds numbers up to {largest:.3g} and spreads over "
            f"{spread:.3g}; beyond {_LARGEST:g}, or below {1 / _LARGEST:g}, squares leave the "
            "range of float64: change its unit"
        )


def _check_no_leak(table: Table, target: str, y: Tensor, path: str | Path) -> None:
    for name, x in zip(table.input_names, table.x.T, strict=True):
        if torch.equal(x, y):
            raise ValueError(
                f"{path}: input {name!r} equals target {target!r} in every training row, so there "
                "is nothing to learn; leave it out of data.inputs"
            )


def _check_weights(path: str | Path, weight: Tensor | None) -> None:
    if weight is not None and ((weight < 0).any() or weight.sum() <= 0):
        raise ValueError(
            f"{path}: weights must be 0 or more, and not all 0; the smallest is "
            f"{weight.min().item():g}; mend the column or leave data.weight out"
        )

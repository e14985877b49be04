"""Checks that rows can teach a density anything."""

from pathlib import Path

from mdn.data.profile import Profile
from mdn.data.rows import Rows

_LARGEST = 1e140
"""Variances, and products of a few of them, stay within float64."""

_FEWEST_EFFECTIVE = 1.5
"""Effective rows below which one row has four fifths of the weight or more."""


def check_training_rows(table: Rows, source: str | Path) -> None:
    """Refuse training rows from which no density can be learned.

    Args:
        table: the training rows.
        source: the file, or what to call the rows.

    Raises:
        ValueError: if there is only one, or one has nearly all the weight, or a target never
            changes, is also an input, or is too large or small for float64.
    """
    _check_rows(table, source)
    _check_there(table, source)
    _check_targets(table.profile, source)
    for copy, target in table.profile.copies:
        raise ValueError(
            f"{source}: input {copy!r} equals target {target!r} in every training row, so there "
            "is nothing to learn; leave it out of `inputs`"
        )


def _check_rows(table: Rows, source: str | Path) -> None:
    if len(table) < 2:
        counted = " of positive weight" if table.weighted else ""
        raise ValueError(
            f"{source}: rows{counted} to train on: {len(table)}; at least 2 are needed, beside "
            "those that are held back to validate on"
        )
    rows = table.profile.effective_rows
    if rows < _FEWEST_EFFECTIVE:
        raise ValueError(
            f"{source}: one of {len(table)} training rows has nearly all the weight: they tell as "
            f"much as {rows:.2f} rows of equal weight; check the weights"
        )


def _check_there(table: Rows, source: str | Path) -> None:
    values = (~table.sample.y.isnan()).sum(0).tolist()
    for name, count in zip(table.target_names, values, strict=True):
        if count < 2:
            raise ValueError(
                f"{source}: target {name!r} is missing in all but {count} of {len(table)} training "
                "rows; at least 2 values are needed: leave it out of `targets`"
            )


def _check_targets(profile: Profile, source: str | Path) -> None:
    targets = profile.targets
    numbers = (each.tolist() for each in (targets.center, targets.spread, targets.size))
    for name, center, spread, size in zip(targets.names, *numbers, strict=True):
        if spread == 0:
            raise ValueError(
                f"{source}: target {name!r} is {center:g} in every training row, so its density "
                "would be infinite; leave it out of `targets`"
            )
        if size > _LARGEST or not 1 / _LARGEST < spread < _LARGEST:
            raise ValueError(
                f"{source}: target {name!r} holds numbers up to {size:.3g} and spreads over "
                f"{spread:.3g}; beyond {_LARGEST:g}, or below {1 / _LARGEST:g}, squares leave the "
                "range of float64: change its unit"
            )

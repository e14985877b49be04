"""The rows of each part of a table, by whatever they are split by."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from mdn.data.splits.folds import COMMON, CrossFit, Stratify, folded
from mdn.data.splits.fractions import FEW, Parts, by_fraction, stratified
from mdn.data.splits.groups import by_group
from mdn.data.splits.leaks import check_parts_apart
from mdn.data.splits.marks import GROUP, PART, TIME
from mdn.data.splits.named import by_name
from mdn.data.splits.times import by_time
from mdn.data.table import Table


@dataclass(frozen=True)
class Division:
    """How the rows of one table are divided, besides what the table is split by.

    Attributes:
        fractions: of the rows, or of the groups, by part; "train" gets the rest.
        seed: of what is drawn.
        stratify: whether each part of a random split has small and large targets alike; "auto"
            where there are fewer than 500 rows.
        source: the file, or what to call the rows.
        cross_fit: whether training rows are in folds instead, and none are held out for all.
    """

    fractions: Mapping[str, float]
    seed: int
    stratify: Stratify = "auto"
    source: str = "the rows"
    cross_fit: CrossFit = COMMON


def divided(table: Table, division: Division) -> dict[str, Table]:
    """Return the parts of a table, each with at least one row; no "val" where it has folds.

    Raises:
        ValueError: if a part has no rows, or a group is in two parts; where folds are wanted, and
            not possible.
    """
    return _with_folds(table, division) or _divided(table, division)


def _with_folds(table: Table, division: Division) -> dict[str, Table]:
    """Divide a table without a part to validate on; nothing where it has no folds."""
    cross_fit = division.cross_fit
    if not cross_fit.holds:
        return {}
    fractions = {name: each for name, each in division.fractions.items() if name != "val"}
    parts = _divided(table, replace(division, fractions=fractions))
    train = folded(parts["train"], cross_fit, [*parts], division.seed, division.stratify)
    return {} if train is None else parts | {"train": train}


def _divided(table: Table, division: Division) -> dict[str, Table]:
    parts = _parts(table, division)
    _check_rows(table, parts, division)
    if table.split_by.groups:
        check_parts_apart(table.marks[GROUP], parts, division.source)
    return {name: table[rows] for name, rows in parts.items()}


def _parts(table: Table, division: Division) -> Parts:
    by, marks = table.split_by, table.marks
    if by.time is not None:
        return by_time(marks[TIME], division.fractions, by.gap_size, table.weight)
    if by.part is None:
        return _at_random(table, division, division.fractions)
    parts = by_name(marks[PART])
    missing = {name: share for name, share in division.fractions.items() if name not in parts}
    if not missing or "train" not in parts:
        return parts
    rest = parts["train"]
    inside = _at_random(table[rest], division, missing)
    return parts | {name: rest[rows] for name, rows in inside.items()}


def _at_random(table: Table, division: Division, fractions: Mapping[str, float]) -> Parts:
    if table.split_by.groups:
        return by_group(table.marks[GROUP], fractions, division.seed)
    few = len(table) < FEW if division.stratify == "auto" else division.stratify
    if few:
        return stratified(table.y, fractions, division.seed)
    return by_fraction(len(table), fractions, division.seed)


def _check_rows(table: Table, parts: Parts, division: Division) -> None:
    wanted = (*division.fractions, "train") if "train" in parts else ("train",)
    for name in wanted:
        if name not in parts or not len(parts[name]):
            raise ValueError(_advice(table, name, division))


def _advice(table: Table, name: str, division: Division) -> str:
    by, rows = table.split_by, len(table)
    none = f"{division.source}: of all rows ({rows}), none is left to the {name} table"
    if name == "train":
        return (
            f"{none}; hold back fewer with `val_fraction` and `test_fraction`, or split otherwise"
        )
    if by.part is not None or by.time is not None or by.groups:
        return f"{none}; raise `{name}_fraction`, give more rows, or a `{name}_path`"
    fraction = division.fractions[name]
    return (
        f"{division.source}: of all rows ({rows}), `{name}_fraction={fraction}` leaves none to the "
        f"{name} table; it takes {int(0.5 / fraction) + 1} rows, a larger fraction, or a "
        f"`{name}_path`"
    )

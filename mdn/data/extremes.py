"""Rows and columns from which a network learns nothing: what is done with them, and remarks.

A target beyond `mdn.networks.units.LIMIT` units of the training rows takes no part in training nor
in the choice of the best epoch: its likelihood would be nearly all of the sum. Test scores count
every row. Inputs stay: the model itself holds absurd ones at the range of the others.
"""

from collections.abc import Iterator
from functools import singledispatch

from jaxtyping import Bool
from torch import Tensor

from mdn.data.profile import ColumnProfile
from mdn.data.rows import Rows
from mdn.data.table import Table
from mdn.networks.units import LIMIT

_FEW = 20
"""So few effective rows are worth a word where there are ten times as many."""

_CROWDED = 1e-3
"""The share of its standard deviation within which most of a column is crowded."""

_SHOWN = 3
"""Columns that are named in a remark."""


def within(table: Table, targets: ColumnProfile) -> Table:
    """Keep the rows whose targets lie within `LIMIT` units.

    Args:
        table: any rows.
        targets: of the training rows.
    """
    return _without(table, targets.beyond(table.y).any(-1))


@singledispatch
def without_extremes(train: Table) -> Rows:
    """Leave out the training rows whose targets are absurdly far out."""
    return _without(train, train.profile.targets.outside(train.y).any(-1))


def extreme_remarks(train: Rows, val: Table) -> Iterator[str]:
    """Describe what is odd about the training and validation rows, and what follows from it.

    Args:
        train: the training rows, with those that are left out of training.
        val: the validation rows, with those that are left out of the choice of the epoch.
    """
    targets, inputs = train.profile.targets, train.profile.inputs
    for far in targets.far.values():
        yield (
            f"{far}: training and the choice of the best epoch leave such rows out, and test "
            "scores count them; mend or remove them"
        )
    for far in inputs.far.values():
        yield (
            f"{far}: the model takes them for the farthest of the others; mend them, or mark what "
            "is missing by a column of its own"
        )
    yield from _of_crowded("target", targets)
    yield from _of_crowded("input", inputs)
    yield from _of_validation(val, targets)
    yield from _of_constant(inputs)
    yield from _of_weights("training", train)
    yield from _of_weights("validation", val)


def _of_crowded(kind: str, columns: ColumnProfile) -> Iterator[str]:
    """Remark on columns whose unit a few values decide that are more than a vanishing part."""
    sizes = columns.spread.tolist(), columns.decile_range.tolist()
    for name, spread, inside in zip(columns.names, *sizes, strict=True):
        if not 0 < inside < _CROWDED * spread:
            continue
        yield (
            f"80 % of the rows have {kind} {name!r} within a thousandth of its standard deviation, "
            "which a few values far out decide: next to them the others look alike. Mend or "
            "remove them; mark what is missing by a column of its own"
        )


def _of_validation(val: Table, targets: ColumnProfile) -> Iterator[str]:
    count = int(targets.beyond(val.y).any(-1).sum())
    if count:
        yield (
            f"{count} of {len(val)} validation rows hold targets more than {LIMIT:g} standard "
            "deviations from the mean of the training rows: the choice of the best epoch leaves "
            "them out; mend or remove them"
        )


def _of_constant(inputs: ColumnProfile) -> Iterator[str]:
    values = zip(inputs.names, inputs.center.tolist(), inputs.constant.tolist(), strict=True)
    constant = [f"input {name!r} is {value:.6g}" for name, value, same in values if same]
    if constant:
        more = f" ({len(constant) - _SHOWN} more never change)" if len(constant) > _SHOWN else ""
        them = "it" if len(constant) == 1 else "them"
        shown = ", ".join(constant[:_SHOWN])
        yield f"{shown} in every training row{more}; the model ignores {them}"


def _of_weights(part: str, table: Rows) -> Iterator[str]:
    if not table.weighted or len(table) == 0:
        return
    rows = table.profile.effective_rows
    if rows < min(_FEW, len(table) / 10):
        yield (
            f"the weights of the {len(table)} {part} rows are so uneven that they tell as much as "
            f"{rows:.1f} rows of equal weight; check the column of weights"
        )


def _without(table: Table, rows: Bool[Tensor, " N"]) -> Table:
    return table[(~rows).nonzero().squeeze(-1)] if rows.any() else table

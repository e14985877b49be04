"""Rows and columns from which a network learns nothing: what is done with them, and said of it.

A target beyond `mdn.networks.units.LIMIT` units of the training rows takes no part in training nor
in the choice of the best epoch: its likelihood would be nearly all of the sum. Test scores count
every row. Inputs stay: the model itself holds absurd ones at the range of the others.
"""

from collections.abc import Iterator, Sequence

from jaxtyping import Bool, Float64
from torch import Tensor

from mdn.data.table import Table
from mdn.networks.units import LIMIT, ColumnUnits, column_units, effective_rows, far_remark

_FEW = 20
"""So few effective rows are worth a word where there are ten times as many."""

_CROWDED = 1e-3
"""The share of its standard deviation within which most of a column is crowded."""

_ENOUGH = 2_000
"""Rows that tell the deciles of a column."""

_SHOWN = 3
"""Columns that are named in a remark."""


def within(table: Table, units: ColumnUnits) -> Table:
    """Keep the rows whose targets lie within `LIMIT` units.

    Args:
        table: any rows.
        units: of the targets of the training rows.
    """
    return _without(table, _beyond(table, units).any(-1))


def learnable_rows(train: Table) -> Table:
    """Leave out the training rows whose targets are absurdly far out."""
    units = column_units(train.y, train.weight)
    return _without(train, (units.far | _beyond(train, units)).any(-1))


def extreme_remarks(train: Table, val: Table) -> Iterator[str]:
    """Describe what is odd about the training and validation rows, and what follows from it.

    Args:
        train: the training rows, with those that are left out of training.
        val: the validation rows, with those that are left out of the choice of the epoch.
    """
    targets, inputs = (column_units(values, train.weight) for values in (train.y, train.x))
    for name, y, far in zip(train.target_names, train.y.T, targets.far.T, strict=True):
        if far.any():
            yield (
                f"{far_remark(f'target {name!r}', y, far)}: training and the choice of the best "
                "epoch leave such rows out, and test scores count them; mend or remove them"
            )
    for name, x, far in zip(train.input_names, train.x.T, inputs.far.T, strict=True):
        if far.any():
            yield (
                f"{far_remark(f'input {name!r}', x, far)}: the model takes them for the farthest "
                "of the others; mend them, or mark what is missing by a column of its own"
            )
    yield from _of_crowded("target", train.target_names, train.y, targets)
    yield from _of_crowded("input", train.input_names, train.x, inputs)
    yield from _of_validation(val, targets)
    yield from _of_constant(train, inputs)
    for part, table in (("training", train), ("validation", val)):
        yield from _of_weights(part, table)


def _of_crowded(
    kind: str, names: Sequence[str], values: Float64[Tensor, "N C"], units: ColumnUnits
) -> Iterator[str]:
    """Remark on columns whose unit a few values decide that are more than a vanishing part."""
    some = values[:: max(1, len(values) // _ENOUGH)]
    for name, column, spread in zip(names, some.T, units.spread.tolist(), strict=True):
        inside = (column.quantile(0.9) - column.quantile(0.1)).item()
        if not 0 < inside < _CROWDED * spread:
            continue
        yield (
            f"80 % of the rows have {kind} {name!r} within a thousandth of its standard deviation, "
            "which a few values far out decide: next to them the others look alike. Mend or "
            "remove them; mark what is missing by a column of its own"
        )


def _of_validation(val: Table, targets: ColumnUnits) -> Iterator[str]:
    count = int(_beyond(val, targets).any(-1).sum())
    if count:
        yield (
            f"{count} of {len(val)} validation rows hold targets more than {LIMIT:g} standard "
            "deviations from the mean of the training rows: the choice of the best epoch leaves "
            "them out; mend or remove them"
        )


def _of_constant(train: Table, inputs: ColumnUnits) -> Iterator[str]:
    pairs = zip(train.input_names, inputs.center.tolist(), inputs.constant.tolist(), strict=True)
    constant = [f"input {name!r} is {value:.6g}" for name, value, same in pairs if same]
    if constant:
        more = f" ({len(constant) - _SHOWN} more never change)" if len(constant) > _SHOWN else ""
        them = "it" if len(constant) == 1 else "them"
        shown = ", ".join(constant[:_SHOWN])
        yield f"{shown} in every training row{more}; the model ignores {them}"


def _of_weights(part: str, table: Table) -> Iterator[str]:
    if table.weight is None or len(table) == 0:
        return
    rows = effective_rows(table.weight)
    if rows < min(_FEW, len(table) / 10):
        yield (
            f"the weights of the {len(table)} {part} rows are so uneven that they tell as much as "
            f"{rows:.1f} rows of equal weight; check the column of weights"
        )


def _beyond(table: Table, units: ColumnUnits) -> Bool[Tensor, "N D"]:
    away = (table.y - units.center).abs()
    return (away > LIMIT * units.spread) & (units.spread > 0)


def _without(table: Table, rows: Bool[Tensor, " N"]) -> Table:
    return table[(~rows).nonzero().squeeze(-1)] if rows.any() else table

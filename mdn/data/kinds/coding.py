"""Kinds fitted on training rows, and rows coded by them.

A table that was just read numbers the levels of a category as its file has them. What a model knows
are the levels of its training rows; all other rows are coded by those.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import singledispatch

import torch
from jaxtyping import Float64
from torch import Tensor

from mdn.data.kinds.cycles import followed
from mdn.data.table import Table
from mdn.networks.kinds import DAY, WEEK, YEAR, Boolean, Category, Kind, Number, Time

_FEWEST_ROWS = 5
"""Rows of a level that is worth a feature of its own."""

_MOST_LEVELS = 1000
"""Levels of a category that are kept; the rest are joined."""

_TURNS = 2
"""Times that a cycle must fit into the range of the training rows."""


def coded_tables(tables: Mapping[str, Table]) -> dict[str, Table]:
    """Return tables coded by what the rows of "train" tell of their kinds."""
    kinds = fitted_kinds(tables["train"])
    return {name: recoded(table, kinds) for name, table in tables.items()}


def fitted_kinds(train: Table) -> tuple[Kind, ...]:
    """Return the kinds of the inputs, fitted on training rows.

    Times keep the cycles that the targets follow: others would be noise to learn by heart.
    """
    fitted = (_fitted(kind, column) for kind, column in zip(train.kinds, train.x.T, strict=True))
    return tuple(
        replace(kind, cycles=followed(kind.cycles, column, train.y)) if kind.cycles else kind
        for kind, column in zip(fitted, train.x.T, strict=True)
    )


def recoded(table: Table, kinds: tuple[Kind, ...]) -> Table:
    """Return a table whose categories are numbered as others have them."""
    if table.kinds == kinds:
        return table
    x = table.x.clone()
    for i, (before, after) in enumerate(zip(table.kinds, kinds, strict=True)):
        if isinstance(before, Category) and isinstance(after, Category):
            x[:, i] = _renumbered(x[:, i], before, after)
    return replace(table, x=x, kinds=kinds)


def level_codes(levels: Sequence[str]) -> dict[str, int]:
    """Return the code of each level."""
    return {level: code for code, level in enumerate(levels)}


@singledispatch
def _fitted(kind: Number | Boolean, column: Float64[Tensor, " N"]) -> Kind:
    return replace(kind, missing=bool(column.isnan().any()))


@_fitted.register
def _fitted_time(kind: Time, column: Float64[Tensor, " N"]) -> Kind:
    present = column[~column.isnan()]
    span = (present.max() - present.min()).item() if len(present) else 0.0
    within_a_day = bool((present % DAY != present[:1] % DAY).any())
    cycles = [YEAR, WEEK] + ([DAY] if within_a_day else [])
    fitting = tuple(cycle for cycle in cycles if span >= _TURNS * cycle)
    return replace(kind, missing=len(present) < len(column), cycles=fitting)


@_fitted.register
def _fitted_category(kind: Category, column: Float64[Tensor, " N"]) -> Kind:
    missing = column.isnan()
    counts = Counter(column[~missing].long().tolist())
    return fitted_category(kind, counts, bool(missing.any()))


def with_missing(kind: Kind, missing: bool) -> Kind:
    """Return a kind that says whether a training row lacks a value."""
    assert isinstance(kind, Number | Boolean | Time | Category)
    return replace(kind, missing=missing)


def fitted_category(kind: Category, counts: Counter[int], missing: bool) -> Category:
    """Return a category of the levels that are frequent enough.

    Args:
        kind: with all levels.
        counts: how many training rows have each code.
        missing: whether a training row has none.
    """
    known = [code for code, rows in counts.most_common() if code < len(kind.levels)]
    kept = [code for code in known if counts[code] >= _FEWEST_ROWS][:_MOST_LEVELS]
    return Category(
        levels=tuple(kind.levels[code] for code in kept),
        missing=missing,
        other=len(kept) < len(counts),
    )


def _renumbered(
    column: Float64[Tensor, " N"], before: Category, after: Category
) -> Float64[Tensor, " N"]:
    codes, other = level_codes(after.levels), len(after.levels)
    numbers = [codes.get(level, other) for level in before.levels] + [other]
    missing = column.isnan()
    new = torch.tensor(numbers, dtype=torch.float64)[column.nan_to_num().long()]
    return new.masked_fill(missing, torch.nan)

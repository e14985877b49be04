"""How the parts of a split differ, as data and in a few sentences."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

import torch
from torch import Tensor

from mdn.data.table import Table
from mdn.networks.kinds import Category, Time

_FAR = 0.5
"""From how many standard deviations on the means of two parts are worth a word."""

_UNLIKE = 1.5
"""From which ratio on standard deviations of two parts are worth a word."""

_GAPS = 0.1
"""From which difference on shares of missing values are worth a word."""

_SURE = 4.0
"""Standard errors beyond which a difference is not chance."""

_SHOWN = 3
"""Columns that are named in a remark."""


@dataclass(frozen=True)
class PartSummary:
    """What there is to say of one part.

    Attributes:
        rows: how many there are.
        means: of each target, by name.
        stds: standard deviations of the targets.
        missing: the share of missing values of each column that has any here or in training.
        unseen: how many rows have a level that no training row has, by input; no zeros.
        times: the first and the last time, in seconds since 1970, of each input that is a time.
    """

    rows: int
    means: dict[str, float]
    stds: dict[str, float]
    missing: dict[str, float]
    unseen: dict[str, int]
    times: dict[str, tuple[float, float]]


def part_summaries(tables: Mapping[str, Table]) -> dict[str, PartSummary]:
    """Return what there is to say of each part.

    Args:
        tables: coded by the training rows.
    """
    gaps = _columns_with_gaps(tables)
    return {name: _summary(table, gaps) for name, table in tables.items()}


def split_remarks(tables: Mapping[str, Table], at_random: bool, by_time: bool) -> Iterator[str]:
    """Say where parts differ by more than chance, or times are not kept apart.

    Args:
        tables: "train" and others, coded by the training rows.
        at_random: whether chance alone made the parts, so that differences are chance.
        by_time: whether the parts are split by time.
    """
    found = part_summaries(tables)
    others = {name: each for name, each in found.items() if name != "train"}
    for name, part in {} if at_random else others.items():
        yield from _differences(name, found["train"], part)
    for name, part in others.items():
        yield from _unseen(name, part)
    if not by_time:
        yield from _of_times(found["train"], others)


def _differences(name: str, train: PartSummary, part: PartSummary) -> Iterator[str]:
    for target, mean in part.means.items():
        spread, here = train.stds[target], part.stds[target]
        away = (mean - train.means[target]) / spread if spread else 0.0
        error = math.sqrt(1 / train.rows + 1 / part.rows)
        if abs(away) > max(_FAR, _SURE * error):
            yield (
                f"target {target!r} is {mean:.4g} on average in the {name} table and "
                f"{train.means[target]:.4g} in the training table, {abs(away):.1f} standard "
                "deviations apart: its scores are of other rows than those learned"
            )
        elif here and spread and _unlike(here, spread, part.rows):
            yield (
                f"target {target!r} has a standard deviation of {here:.3g} in the {name} table and "
                f"of {spread:.3g} in the training table"
            )
    for column, share in part.missing.items():
        before = train.missing[column]
        if abs(share - before) > _GAPS + _SURE / (2 * math.sqrt(part.rows)):
            yield (
                f"column {column!r} is missing in {100 * share:.0f} % of the {name} table and in "
                f"{100 * before:.0f} % of the training table"
            )


def _unlike(here: float, spread: float, rows: int) -> bool:
    ratio = max(here, spread) / min(here, spread)
    return ratio > _UNLIKE + _SURE / math.sqrt(2 * rows)


def _unseen(name: str, part: PartSummary) -> Iterator[str]:
    for column, rows in list(part.unseen.items())[:_SHOWN]:
        if rows > _GAPS * part.rows:
            yield (
                f"{rows} of {part.rows} rows of the {name} table have a value of {column!r} that "
                "no training row has"
            )


def _of_times(train: PartSummary, others: Mapping[str, PartSummary]) -> Iterator[str]:
    for column, (first, last) in list(train.times.items())[:_SHOWN]:
        ends = [part.times[column] for part in others.values() if column in part.times]
        if any(begin <= last for begin, _ in ends):
            whole = min(first, *(begin for begin, _ in ends)), max(last, *(end for _, end in ends))
            yield (
                f"input {column!r} is a time ({_date(whole[0])} to {_date(whole[1])}) and rows are "
                "not split by it: scores tell of rows among those learned, not of later ones; "
                f"where the model is for later rows, set `time_by={column}`"
            )


def _date(seconds: float) -> str:
    try:
        return datetime.fromtimestamp(seconds, UTC).date().isoformat()
    except (ValueError, OverflowError, OSError):
        return f"{seconds:.6g}"


def _summary(table: Table, gaps: list[str]) -> PartSummary:
    means, stds = {}, {}
    for name, column in zip(table.target_names, table.y.T, strict=True):
        means[name], stds[name] = _moments(column, table.weight)
    columns = dict(zip(table.input_names, table.x.T, strict=True))
    all_columns = columns | dict(zip(table.target_names, table.y.T, strict=True))
    missing = {name: all_columns[name].isnan().double().mean().item() for name in gaps}
    kinds = dict(zip(table.input_names, table.kinds, strict=True))
    unseen = {
        name: int((columns[name] >= len(kind.levels)).sum())
        for name, kind in kinds.items()
        if isinstance(kind, Category) and not kind.other
    }
    times = {name: _range(columns[name]) for name, kind in kinds.items() if isinstance(kind, Time)}
    return PartSummary(
        len(table),
        means,
        stds,
        missing,
        {name: rows for name, rows in unseen.items() if rows},
        {name: ends for name, ends in times.items() if ends is not None},
    )


def _moments(values: Tensor, weight: Tensor | None) -> tuple[float, float]:
    there = ~values.isnan()
    share = (torch.ones_like(values) if weight is None else weight)[there]
    if not len(share):
        return math.nan, math.nan
    share = share / share.sum()
    mean = share @ values[there]
    return mean.item(), (share @ (values[there] - mean).square()).sqrt().item()


def _range(values: Tensor) -> tuple[float, float] | None:
    there = values[~values.isnan()]
    return (there.min().item(), there.max().item()) if len(there) else None


def _columns_with_gaps(tables: Mapping[str, Table]) -> list[str]:
    names: list[str] = []
    for table in tables.values():
        for columns, values in ((table.input_names, table.x), (table.target_names, table.y)):
            gaps = values.isnan().any(0).tolist()
            names += [name for name, gap in zip(columns, gaps, strict=True) if gap]
    return list(dict.fromkeys(names))

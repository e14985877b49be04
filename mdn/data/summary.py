"""What is known of the columns of a table before training, and what is done with each."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import singledispatch

import torch
from jaxtyping import Float64
from torch import Tensor

from mdn.data.coding import fitted_kinds, recoded
from mdn.data.column_remarks import column_remarks
from mdn.data.missing_targets import dropped_remark
from mdn.data.seeds import generator
from mdn.data.table import Table
from mdn.networks.kinds import DAY, KINDS, Boolean, Category, Kind, Number, Time

_MOST_ROWS, _MOST_VALUES = 100_000, 20_000_000
"""Rows, and values, that tell how many values differ and which are frequent."""

_SHOWN_LEVELS = 3
"""Levels of a category that are named."""

_WORDS = {made: word for word, made in KINDS.items()}


@dataclass(frozen=True)
class ColumnSummary:
    """One column.

    Attributes:
        name: of the column.
        kind: in a word; empty where it is left out.
        missing: rows that lack a value.
        distinct: different values among the rows that were counted.
        range: from where to where the values go, or which levels are frequent.
        use: what is done with it.
    """

    name: str
    kind: str
    missing: int
    distinct: int
    range: str
    use: str


@dataclass(frozen=True)
class TableSummary:
    """The rows and columns of a table.

    Attributes:
        rows: how many there are.
        counted: rows whose values were counted, drawn at random.
        columns: targets, then inputs, then those that are left out.
        remarks: sentences on what is odd.
    """

    rows: int
    counted: int
    columns: tuple[ColumnSummary, ...]
    remarks: tuple[str, ...]

    def plain(self) -> dict[str, object]:
        """Return plain data."""
        return asdict(self)

    def __str__(self) -> str:
        from mdn.data.summary_text import summary_text

        return summary_text(self)


def summary_of(table: Table) -> TableSummary:
    """Return the summary of a table as a model that is trained on it would take it."""
    table = recoded(table, fitted_kinds(table))
    some = _some(table)
    targets = [
        _column(name, Number(), values, sample, "target")
        for name, values, sample in zip(table.target_names, table.y.T, some.y.T, strict=True)
    ]
    inputs = [
        _column(name, kind, values, sample, _use(kind), table.reading.levels.get(name))
        for name, kind, values, sample in zip(
            table.input_names, table.kinds, table.x.T, some.x.T, strict=True
        )
    ]
    left_out = [
        ColumnSummary(name, "", 0, 0, "", f"left out: {why}")
        for name, why in table.reading.left_out.items()
    ]
    remarks = (*table.reading.notes, *_dropped(table), *column_remarks(some))
    return TableSummary(len(table), len(some), (*targets, *inputs, *left_out), remarks)


def _some(table: Table) -> Table:
    columns = max(1, len(table.input_names) + len(table.target_names))
    rows = min(_MOST_ROWS, max(1000, _MOST_VALUES // columns))
    if len(table) <= rows:
        return table
    return table[torch.randint(len(table), (rows,), generator=generator("summary"))]


def _dropped(table: Table) -> Iterator[str]:
    said = dropped_remark(table.dropped)
    if said:
        yield said


def _column(
    name: str,
    kind: Kind,
    values: Float64[Tensor, " N"],
    sample: Float64[Tensor, " M"],
    use: str,
    levels: int | None = None,
) -> ColumnSummary:
    missing = values.isnan()
    present = values[~missing]
    distinct, counts = sample[~sample.isnan()].unique(return_counts=True)
    shown = "" if len(present) == 0 else _range(kind, present, distinct, counts)
    if len(distinct) == 1 and len(sample) > 1 and use != "target":
        use = "input that never changes"
    count = levels or len(distinct)
    return ColumnSummary(name, _WORDS[type(kind)], int(missing.sum()), count, shown, use)


@singledispatch
def _range(kind: Kind, values: Tensor, distinct: Tensor, counts: Tensor) -> str:
    low, high = values.min().item(), values.max().item()
    return f"{low:.6g}" if low == high else f"{low:.6g} to {high:.6g}"


@_range.register
def _moments(kind: Time, values: Tensor, distinct: Tensor, counts: Tensor) -> str:
    days = bool((distinct % DAY == 0).all())
    low, high = (_moment(end.item(), days) for end in (values.min(), values.max()))
    return low if low == high else f"{low} to {high}"


@_range.register
def _truth(kind: Boolean, values: Tensor, distinct: Tensor, counts: Tensor) -> str:
    return f"true {_percent(values.mean().item())}"


@_range.register
def _levels(kind: Category, values: Tensor, distinct: Tensor, counts: Tensor) -> str:
    shares = dict(zip(distinct.long().tolist(), (counts / counts.sum()).tolist(), strict=True))
    others = shares.pop(len(kind.levels), 0.0)
    order = sorted(shares, key=lambda code: -shares[code])
    shown = [f"{kind.levels[code]} {_percent(shares[code])}" for code in order[:_SHOWN_LEVELS]]
    more = ["..."] if len(order) > _SHOWN_LEVELS else []
    return ", ".join(shown + more + ([f"others {_percent(others)}"] if others else []))


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %" if share >= 0.005 else "< 1 %"


def _moment(seconds: float, days: bool) -> str:
    try:
        moment = datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        return f"{seconds / DAY:.6g} days after 1970"
    return f"{moment:%Y-%m-%d}" if days else f"{moment:%Y-%m-%d %H:%M:%S}"


@singledispatch
def _use(kind: Kind) -> str:
    return _with_gaps("input", kind)


@_use.register
def _use_of_levels(kind: Category) -> str:
    count = len(kind.levels)
    others = " and others" if kind.other else ""
    return _with_gaps(f"input of {count} level{'s' * (count != 1)}{others}", kind)


@_use.register
def _use_of_times(kind: Time) -> str:
    names = [_cycle(cycle) for cycle in kind.cycles]
    return _with_gaps(f"input with the {' and the '.join(names)}" if names else "input", kind)


def _cycle(seconds: float) -> str:
    if seconds == DAY:
        return "time of day"
    return "day of the week" if seconds == 7 * DAY else "day of the year"


def _with_gaps(use: str, kind: Kind) -> str:
    return f"{use}, gaps marked" if kind.missing else use


def wide(columns: Sequence[ColumnSummary], most: int) -> list[ColumnSummary]:
    """Choose the columns to show of very many: targets, what is notable, and the first ones."""
    if len(columns) <= most:
        return list(columns)
    ranked = sorted(range(len(columns)), key=lambda i: (_dullness(columns[i]), i))
    return [columns[i] for i in sorted(ranked[:most])]


def _dullness(column: ColumnSummary) -> int:
    if column.use == "target":
        return 0
    return 2 if column.use == "input" and column.kind == "number" else 1

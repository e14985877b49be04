"""What is known of the columns of a table before training, and what is done with each."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import singledispatch

import torch
from jaxtyping import Float64, Int64
from torch import Tensor

from mdn.data.column_remarks import column_remarks
from mdn.data.missing_targets import dropped_remark
from mdn.data.seeds import generator
from mdn.data.table import Table
from mdn.networks.kinds import DAY, Boolean, Category, Kind, Number, Time, kind_word
from mdn.networks.units import column_ends

_MOST_ROWS, _MOST_VALUES = 20_000, 2_000_000
"""Rows, and values, that tell how many values differ and which are frequent."""

_SHOWN_LEVELS = 3
"""Levels of a category that are named."""


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
    """Return the summary of a table whose kinds are fitted."""
    some = _some(table)
    names = zip(table.target_names, [Number()] * len(table.target_names), strict=True)
    targets = _columns(names, table.y, some.y, {}, "target")
    named = zip(table.input_names, table.kinds, strict=True)
    inputs = _columns(named, table.x, some.x, table.reading.levels)
    left_out = [
        ColumnSummary(name, "", 0, 0, "", f"left out: {why}")
        for name, why in _left_out(table).items()
    ]
    remarks = (*table.reading.notes, *_dropped(table), *column_remarks(some))
    return TableSummary(len(table), len(some), (*targets, *inputs, *left_out), remarks)


def _left_out(table: Table) -> dict[str, str]:
    used = {*table.target_names, *table.input_names}
    split_by = (str(key) for key in table.split_by.columns)
    splitting = {name: "rows are split by it" for name in split_by if name not in used}
    return splitting | dict(table.reading.left_out)


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


@dataclass(frozen=True, eq=False)
class _Facts:
    """The values of one column: how many are missing, the ends, and some that were counted."""

    missing: int
    low: float
    high: float
    distinct: Float64[Tensor, " V"]
    counts: Int64[Tensor, " V"]


def _facts(values: Float64[Tensor, "N C"], some: Float64[Tensor, "M C"]) -> Iterator[_Facts]:
    gaps = values.sum(0).isnan().tolist()  # all values are finite, or missing
    missing = [int(values[:, i].isnan().sum()) if any_ else 0 for i, any_ in enumerate(gaps)]
    low, high = (end.tolist() for end in _ends(values))
    for count, least, most, column in zip(missing, low, high, some.T.contiguous(), strict=True):
        yield _Facts(count, least, most, *column[~column.isnan()].unique(return_counts=True))


def _ends(
    values: Float64[Tensor, "N C"],
) -> tuple[Float64[Tensor, " C"], Float64[Tensor, " C"]]:
    if len(values) == 0:
        return values.new_zeros(values.shape[1]), values.new_zeros(values.shape[1])
    low, high = column_ends(values)
    if low.isnan().any():
        low, _ = column_ends(values.nan_to_num(nan=torch.inf))
        _, high = column_ends(values.nan_to_num(nan=-torch.inf))
    return low, high


def _columns(
    kinds: Iterable[tuple[str, Kind]],
    values: Float64[Tensor, "N C"],
    some: Float64[Tensor, "M C"],
    levels: Mapping[str, int],
    use: str = "",
) -> list[ColumnSummary]:
    facts = _facts(values, some)
    return [_column(*each, fact, levels, use) for each, fact in zip(kinds, facts, strict=True)]


def _column(
    name: str, kind: Kind, facts: _Facts, levels: Mapping[str, int], use: str
) -> ColumnSummary:
    count = len(facts.distinct)
    use = use or ("input that never changes" if count == 1 else _use(kind))
    shown = _range(kind, facts) if count else ""
    found = levels.get(name, count)
    return ColumnSummary(name, kind_word(kind), facts.missing, found, shown, use)


@singledispatch
def _range(kind: Kind, facts: _Facts) -> str:
    low, high = facts.low, facts.high
    return f"{low:.6g}" if low == high else f"{low:.6g} to {high:.6g}"


@_range.register
def _moments(kind: Time, facts: _Facts) -> str:
    days = bool((facts.distinct % DAY == 0).all())
    low, high = (_moment(end, days) for end in (facts.low, facts.high))
    return low if low == high else f"{low} to {high}"


@_range.register
def _truth(kind: Boolean, facts: _Facts) -> str:
    share = (facts.distinct @ facts.counts.double() / facts.counts.sum()).item()
    return f"true {_percent(share)}"


@_range.register
def _levels(kind: Category, facts: _Facts) -> str:
    share = (facts.counts / facts.counts.sum()).tolist()
    shares = dict(zip(facts.distinct.long().tolist(), share, strict=True))
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

"""The summary of a table as plain text, or as cells for one who draws tables."""

from collections.abc import Sequence

from mdn.data.summary import ColumnSummary, TableSummary, wide

HEADER = ("column", "kind", "missing", "distinct", "range", "use")
NUMBERS = ("missing", "distinct")
"""Columns of the summary that hold numbers."""

_MOST_COLUMNS = 40
_WIDEST = 40


def heading(summary: TableSummary) -> str:
    """Return a sentence on the size of the table."""
    targets = sum(column.use == "target" for column in summary.columns)
    out = sum(not column.kind for column in summary.columns)
    inputs = len(summary.columns) - targets - out
    left = f", {_count(out, 'column')} left out" if out else ""
    sizes = {"row": summary.rows, "target": targets, "input": inputs}
    return ", ".join(_count(number, noun) for noun, number in sizes.items()) + left


def cells(summary: TableSummary) -> list[tuple[str, ...]]:
    """Return a row of text for each column that is shown."""
    least = "" if summary.counted == summary.rows else "+"
    return [_cells(column, least) for column in wide(summary.columns, _MOST_COLUMNS)]


def hidden(summary: TableSummary) -> str:
    """Say what is not shown; nothing where all is."""
    count = len(summary.columns) - _MOST_COLUMNS
    return f"... and {_count(count, 'column')} more" if count > 0 else ""


def summary_text(summary: TableSummary) -> str:
    """Return the summary as lines of plain text."""
    rows = [HEADER, *cells(summary)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [_line(row, widths) for row in rows]
    more = [hidden(summary)] if hidden(summary) else []
    remarks = [f"- {remark}" for remark in summary.remarks]
    return "\n".join([heading(summary), "", *lines, *more, *([""] if remarks else []), *remarks])


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    return "  ".join(
        text.rjust(width) if name in NUMBERS else text.ljust(width)
        for name, text, width in zip(HEADER, row, widths, strict=True)
    ).rstrip()


def _cells(column: ColumnSummary, least: str) -> tuple[str, ...]:
    counted = bool(column.kind)
    return (
        _short(column.name),
        column.kind,
        f"{column.missing:,}" if column.missing else "",
        f"{column.distinct:,}{least}" if counted else "",
        _short(column.range),
        column.use,
    )


def _short(text: str) -> str:
    text = "".join(c if c.isprintable() else " " for c in text)
    return text if len(text) <= _WIDEST else text[: _WIDEST - 3].rstrip(" .,") + "..."


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'s' * (number != 1)}"

"""What a table says of itself: rows, columns with their kinds, and gaps."""

import torch
from jaxtyping import Float64
from torch import Tensor

from mdn.data.table import Table
from mdn.distributions.overview import Overview, count, short
from mdn.networks.kinds import kind_word

_MOST_COLUMNS, _MOST_ROWS = 12, 100_000
"""The most columns that are shown, and rows that are looked at."""


def table_overview(table: Table) -> Overview:
    """Return a table in a few lines; of many rows the first are looked at for gaps."""
    targets = [(name, "target", "number") for name in table.target_names[:_MOST_COLUMNS]]
    named = zip(table.input_names, table.kinds, strict=True)
    inputs = [(name, "input", kind_word(kind)) for name, kind in named]
    shown = [*targets, *inputs][:_MOST_COLUMNS]
    gaps = [*_gaps(table.y), *_gaps(table.x)]
    rows = [
        [short(name), use, kind, f"{missing:,}" if missing else ""]
        for (name, use, kind), missing in zip(shown, gaps, strict=False)
    ]
    of = f" in the first {_MOST_ROWS:,} rows" if len(table) > _MOST_ROWS else ""
    left = len(table.target_names) + len(table.input_names) - len(shown)
    return Overview(
        f"Table of {_sizes(table)}",
        _facts(table),
        ["column", "use", "kind", f"gaps{of}"],
        rows,
        f"... and {count(left, 'more column')}" if left > 0 else "",
        text_columns=3,
    )


def _sizes(table: Table) -> str:
    sizes = {"row": len(table), "input": len(table.input_names), "target": len(table.target_names)}
    return ", ".join(count(number, noun) for noun, number in sizes.items())


def _facts(table: Table) -> dict[str, str]:
    facts = {} if table.weight is None else {"weights": "one for each row"}
    if table.dropped:
        facts["left out"] = f"{sum(table.dropped.values()):,} rows"
    return facts


def _gaps(values: Float64[Tensor, "N C"]) -> list[int]:
    return torch.isnan(values[:_MOST_ROWS, :_MOST_COLUMNS]).sum(0).tolist()

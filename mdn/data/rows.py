"""Rows that are in memory, or stay in their file."""

from functools import singledispatch

from mdn.data.kinds.coding import recoded
from mdn.data.stream.streamed_table import StreamedTable
from mdn.data.table import Table
from mdn.networks.kinds import Kind

Rows = Table | StreamedTable
"""Both have names and kinds of columns, a profile, a sample, batches, and pieces of all rows."""


@singledispatch
def coded_as(rows: Table, kinds: tuple[Kind, ...]) -> Rows:
    """Return rows whose categories are numbered as others have them."""
    return recoded(rows, kinds)


@coded_as.register
def _streamed(rows: StreamedTable, kinds: tuple[Kind, ...]) -> Rows:
    return rows.coded_as(kinds)

"""Rows that are in memory, or stay in their file."""

from mdn.data.stream.streamed_table import StreamedTable
from mdn.data.table import Table

Rows = Table | StreamedTable
"""Both have names and kinds of columns, a profile, a sample, batches, and pieces of all rows."""

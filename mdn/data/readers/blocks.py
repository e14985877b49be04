"""How many rows are read at once, so that a reader takes as much memory for any file."""

from collections.abc import Sequence

import pyarrow as pa
from pyarrow import types

from mdn.distributions.checks import readable_bytes

_BLOCK = 1 << 25
"""Bytes of a block of numbers, at most."""

_MOST_ROWS, _FEWEST_ROWS = 1 << 16, 1 << 10

_MOST_TEXT = 1 << 28
"""Bytes of a column in one piece."""


def block_rows(schema: pa.Schema, names: Sequence[str]) -> int:
    """Return how many rows of some columns are read at once."""
    if any(_has_any_length(schema.field(name).type) for name in names):
        return _FEWEST_ROWS
    fitting = _BLOCK // (8 * max(1, len(names)))
    return max(_FEWEST_ROWS, min(_MOST_ROWS, fitting))


def check_text(source: str, piece: pa.Table) -> None:
    """Refuse a piece of a file with text that fills the memory.

    Raises:
        ValueError: with the column that holds it.
    """
    for name, column in zip(piece.column_names, piece.columns, strict=True):
        if _has_any_length(column.type) and column.nbytes > _MOST_TEXT:
            raise ValueError(
                f"{source}: {piece.num_rows} values of column {name!r} take "
                f"{readable_bytes(column.nbytes)}, more than {readable_bytes(_MOST_TEXT)}; leave "
                "the column out, or shorten its values"
            )


def _has_any_length(kind: pa.DataType) -> bool:
    return not (types.is_primitive(kind) or types.is_null(kind))

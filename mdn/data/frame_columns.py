"""Columns of a frame, of any library, as those of Arrow."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal

import narwhals as nw
import pyarrow as pa
from jaxtyping import Float64
from torch import Tensor

from mdn.data.kinds.coded_columns import coded
from mdn.data.kinds.level_text import level_text
from mdn.data.readers.columns import Columns
from mdn.data.readers.reader import row_number
from mdn.networks.kinds import Kind

_PLAIN = (str, bytes, int, float, Decimal, date, type(None))
"""Types of values whose text tells them apart."""


def frame_matrix(
    named: Mapping[str, nw.Series],
    names: Sequence[str],
    kinds: Sequence[Kind],
    formats: Mapping[str, str],
) -> Float64[Tensor, "N P"]:
    """Return columns of a frame coded by their kinds, side by side.

    Raises:
        ValueError: with every column that holds something else than its kind.
    """
    return coded(replace(arrow_columns(named, names), formats=formats), names, kinds)


def arrow_columns(named: Mapping[str, nw.Series], names: Sequence[str]) -> Columns:
    """Turn some columns of a frame into those of Arrow."""
    left_out: dict[str, str] = {}
    table = pa.table({name: _arrow(named[name], name, left_out) for name in names})
    return Columns("the frame", table, row_number, left_out)


def _arrow(column: nw.Series, name: str, left_out: dict[str, str]) -> pa.ChunkedArray | pa.Array:
    """Return a column; where Python's values have no common type, their text."""
    try:
        return column.to_arrow()
    except (pa.ArrowException, TypeError):
        values = column.to_list()
    strange = next((value for value in values if not isinstance(value, _PLAIN)), None)
    if strange is None:
        return pa.array([level_text(value) for value in values], pa.string())
    left_out[name] = f"of values such as a {type(strange).__name__}"
    return pa.nulls(len(values))

"""Columns of a file or a frame, before anyone has said what they are."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import pyarrow as pa

LARGEST = 1e30
"""Beyond this a value, or what a model makes of it, could leave the range of float32."""


@dataclass(frozen=True)
class Columns:
    """Named columns of any type, and where they are from.

    Attributes:
        source: the path of the file, or what to call the frame.
        table: the columns.
        place: says in words where a row (from 0) is.
        left_out: columns that no table can have, and why; they hold nulls.
        formats: how columns of text are written, where that is known.
    """

    source: str
    table: pa.Table
    place: Callable[[int], str]
    left_out: Mapping[str, str] = field(default_factory=dict)
    formats: Mapping[str, str] = field(default_factory=dict)

    @property
    def names(self) -> list[str]:
        """The names of the columns."""
        return self.table.column_names


def not_a_number(source: str, place: str, name: str, value: str) -> ValueError:
    """Make the error to raise at a value that is text."""
    return ValueError(
        f"{source}, {place}: column {name!r} holds {value!r}, not a number; mend it, leave it out "
        f"of `inputs`, or take all values for levels: `kinds={{{name}: category}}`"
    )

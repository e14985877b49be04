"""Columns coded by the kinds of a model, or of a table: what `Table.x` holds."""

from collections.abc import Mapping, Sequence
from functools import singledispatch

import numpy as np
import pyarrow as pa
import torch
from jaxtyping import Float64
from pyarrow import types
from torch import Tensor

from mdn.data.faults import Faults
from mdn.data.formats.missing import MARKS
from mdn.data.formats.text_formats import WORDS
from mdn.data.kinds.arrow_values import (
    as_levels,
    as_numbers,
    is_number,
    is_text,
    is_time,
    is_zoned,
    numeric_text,
    plain,
)
from mdn.data.kinds.level_text import text_codes
from mdn.data.kinds.text_columns import read_text
from mdn.data.kinds.wanted_formats import wanted_formats
from mdn.data.readers.columns import LARGEST, Columns, not_a_number
from mdn.networks.kinds import Boolean, Category, Kind, Number, Time

_TRUE, _FALSE = ("true", "t", "yes", "y", "1", "1.0"), ("false", "f", "no", "n", "0", "0.0")


def coded(columns: Columns, names: Sequence[str], kinds: Sequence[Kind]) -> Float64[Tensor, "N P"]:
    """Return columns as `mdn.networks.kinds` has them, side by side.

    Args:
        columns: the columns; text in them is read by their formats, or else by a guess.
        names: of those that are wanted.
        kinds: of these, with the levels that have codes.

    Raises:
        ValueError: with every column that holds something else than its kind.
    """
    faults = Faults()
    columns = read_text(columns, wanted_formats(dict(zip(names, kinds, strict=True))))
    values = np.empty((columns.table.num_rows, len(names)))
    for i, (name, kind) in enumerate(zip(names, kinds, strict=True)):
        with faults.collected():
            values[:, i] = _coded(kind, columns, name)
    faults.check()
    return torch.from_numpy(values)


def matrix(columns: Columns, names: Sequence[str]) -> Float64[Tensor, "N C"]:
    """Return columns of numbers side by side, NaN where missing.

    Raises:
        ValueError: with every column that holds something else.
    """
    return coded(columns, names, [Number()] * len(names))


@singledispatch
def _coded(kind: Kind, columns: Columns, name: str) -> np.ndarray:
    column = plain(columns.table.column(name))
    _check_numbers(columns, name, column)
    values = as_numbers(column)
    _check_all(columns, name, ~np.isinf(values), "infinite", "remove or fill these rows")
    small = ~(np.abs(values) > LARGEST)
    _check_all(columns, name, small, f"beyond {LARGEST:g}", "change the unit or mend these rows")
    return values


@_coded.register
def _coded_truth(kind: Boolean, columns: Columns, name: str) -> np.ndarray:
    levels = as_levels(columns.table.column(name))
    codes = dict.fromkeys(_TRUE, 1.0) | dict.fromkeys(_FALSE, 0.0)
    values = _by_level(levels.texts, levels.rows, {t: codes.get(t.lower()) for t in levels.texts})
    bad = np.isnan(values) & (levels.rows >= 0)
    if bad.any():
        row = int(bad.argmax())
        raise ValueError(
            f"{columns.source}, {columns.place(row)}: column {name!r} holds "
            f"{levels.texts[levels.rows[row]]!r}, and not true or false; mend it"
        )
    return values


@_coded.register
def _coded_time(kind: Time, columns: Columns, name: str) -> np.ndarray:
    column = plain(columns.table.column(name))
    if is_text(column.type):
        column = _moments(columns, name, column)
    if not (is_time(column.type) or types.is_null(column.type)):
        raise ValueError(
            f"{columns.source}: column {name!r} is of type {column.type}, not dates or times; "
            "mend it"
        )
    _check_zone(columns, name, column.type, kind.zoned)
    return as_numbers(column)


@_coded.register
def _coded_levels(kind: Category, columns: Columns, name: str) -> np.ndarray:
    levels = as_levels(columns.table.column(name))
    other = float(len(kind.levels))
    marks = MARKS if columns.formats.get(name) == WORDS else ()
    codes: dict[str, float | None] = {**dict.fromkeys(marks), **text_codes(kind.levels)}
    return _by_level(levels.texts, levels.rows, {t: codes.get(t, other) for t in levels.texts})


def _by_level(
    texts: Sequence[str], rows: np.ndarray, values: Mapping[str, float | None]
) -> np.ndarray:
    # Row -1, of a missing value, takes the last one.
    return np.array([*(values[text] for text in texts), None], dtype=np.float64)[rows]


def _check_zone(columns: Columns, name: str, found: pa.DataType, zoned: bool | None) -> None:
    """Refuse moments with a time zone beside others without: they would be hours apart."""
    if zoned in (None, is_zoned(found)) or types.is_null(found):
        return
    said, remedy = (
        ("without a time zone, and the training rows have one", "add the zone to each value")
        if zoned
        else ("with a time zone, and the training rows have none", "write local times without one")
    )
    raise ValueError(f"{columns.source}: column {name!r} holds moments {said}; {remedy}")


def _moments(columns: Columns, name: str, column: pa.ChunkedArray) -> pa.ChunkedArray:
    text = numeric_text(column)
    try:
        return text.cast(pa.timestamp("us"))
    except pa.ArrowInvalid:
        row, value = _first_misfit(text, pa.timestamp("us"))
        raise ValueError(
            f"{columns.source}, {columns.place(row)}: column {name!r} holds {value!r}, not a date "
            "or time such as 2024-12-31 or 2024-12-31 23:59; mend it"
        ) from None


def _check_numbers(columns: Columns, name: str, column: pa.ChunkedArray) -> None:
    kind = column.type
    if is_text(kind):
        text = numeric_text(column)
        if not _casts(text, pa.float64()):
            row, value = _first_misfit(text, pa.float64())
            raise not_a_number(columns.source, columns.place(row), name, value)
    elif not (is_number(kind) or types.is_boolean(kind) or types.is_null(kind)):
        raise ValueError(
            f"{columns.source}: column {name!r} is of type {kind}, not numbers; turn it into "
            "numbers (a date into days since another, say), or leave it out of `inputs`"
        )


def _check_all(columns: Columns, name: str, good: np.ndarray, fault: str, remedy: str) -> None:
    if not good.all():
        bad = np.flatnonzero(~good)
        count = "1 value that is" if len(bad) == 1 else f"{len(bad)} values that are"
        raise ValueError(
            f"{columns.source}: column {name!r} has {count} {fault}, the first in "
            f"{columns.place(int(bad[0]))}; {remedy}"
        )


def _first_misfit(text: pa.ChunkedArray, kind: pa.DataType) -> tuple[int, str]:
    """Find the first text that is not of a type, by halving."""
    good, bad = 0, len(text)
    while bad - good > 1:
        middle = (good + bad) // 2
        good, bad = (middle, bad) if _casts(text[good:middle], kind) else (good, middle)
    return good, text[good].as_py()


def _casts(values: pa.ChunkedArray | pa.Array, kind: pa.DataType) -> bool:
    try:
        values.cast(kind)
    except pa.ArrowInvalid:
        return False
    return True

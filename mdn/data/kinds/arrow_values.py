"""Values of Arrow's columns: as numbers, and as levels of a category."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from jaxtyping import Float64, Int64
from pyarrow import types

from mdn.data.formats.arrow_functions import Values
from mdn.data.formats.missing import without_words
from mdn.data.kinds.level_text import level_text

_SECOND = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9}
_DAY = 86_400


def is_text(kind: pa.DataType) -> bool:
    """Tell whether a type of column holds text."""
    texts = types.is_string, types.is_large_string, types.is_string_view
    return any(test(kind) for test in (*texts, types.is_binary, types.is_large_binary))


def is_number(kind: pa.DataType) -> bool:
    """Tell whether a type of column holds numbers, or spans of time in seconds."""
    tests = types.is_integer, types.is_floating, types.is_decimal, types.is_duration, types.is_time
    return any(test(kind) for test in tests)


def is_time(kind: pa.DataType) -> bool:
    """Tell whether a type of column holds dates or moments."""
    return types.is_date(kind) or types.is_timestamp(kind)


def is_zoned(kind: pa.DataType) -> bool:
    """Tell whether a type of column holds moments with a time zone."""
    return types.is_timestamp(kind) and kind.tz is not None


def plain(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return a column whose values are no longer in a dictionary."""
    return column.cast(column.type.value_type) if types.is_dictionary(column.type) else column


def as_numbers(column: pa.ChunkedArray) -> Float64[np.ndarray, " N"]:
    """Return the values of a column as numbers, NaN where missing.

    Text is trimmed, and words such as NA are missing; moments count in seconds since 1970, and
    spans of time in seconds.

    Raises:
        pyarrow.ArrowInvalid: if it holds text that is no number.
    """
    column = plain(column)
    read = next((read for test, read in _READ if test(column.type)), _cast)
    return read(column)


def numeric_text(column: pa.ChunkedArray) -> Values:
    """Return trimmed text, without the words that stand for a missing number."""
    return without_words(column.cast(pa.string()))


def _cast(column: pa.ChunkedArray) -> np.ndarray:
    return column.cast(pa.float64(), safe=False).to_numpy()


def _of_text(column: pa.ChunkedArray) -> np.ndarray:
    return _cast(numeric_text(column))


def _of_truth(column: pa.ChunkedArray) -> np.ndarray:
    return _cast(column.cast(pa.uint8()))


def _of_dates(column: pa.ChunkedArray) -> np.ndarray:
    return _cast(column.cast(pa.date32()).cast(pa.int32())) * _DAY


def _of_ticks(column: pa.ChunkedArray) -> np.ndarray:
    whole = pa.int32() if types.is_time32(column.type) else pa.int64()
    return _cast(column.cast(whole)) * _SECOND[column.type.unit]


_READ: list[tuple[Callable[[pa.DataType], bool], Callable[[pa.ChunkedArray], np.ndarray]]] = [
    (is_text, _of_text),
    (types.is_boolean, _of_truth),
    (types.is_date, _of_dates),
    (types.is_timestamp, _of_ticks),
    (types.is_duration, _of_ticks),
    (types.is_time, _of_ticks),
]


@dataclass(frozen=True, eq=False)
class Levels:
    """The levels of a column, and which of them each row has.

    Attributes:
        texts: of the levels.
        rows: the number of each row's level, -1 where missing.
    """

    texts: list[str]
    rows: Int64[np.ndarray, " N"]


def as_levels(column: pa.ChunkedArray) -> Levels:
    """Return the values of a column as levels: text by its shortest form, 1 and 1.0 as "1"."""
    if types.is_dictionary(column.type):
        encoded = column.unify_dictionaries().combine_chunks()
    else:
        encoded = column.combine_chunks().dictionary_encode()
    encoded = encoded.combine_chunks() if isinstance(encoded, pa.ChunkedArray) else encoded
    rows = encoded.indices.cast(pa.int64()).fill_null(-1).to_numpy(zero_copy_only=False)
    return _merged([level_text(value) for value in encoded.dictionary.to_pylist()], rows)


def _merged(texts: list[str | None], rows: np.ndarray) -> Levels:
    # Values that have become one text, or missing, get new numbers; -1 leads to the last one.
    numbers: dict[str, int] = {}
    new = [-1 if text is None else numbers.setdefault(text, len(numbers)) for text in texts]
    return Levels(list(numbers), np.array([*new, -1])[rows])

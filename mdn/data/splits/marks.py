"""The marks that a split goes by, from columns of any type: one number for each row."""

from collections.abc import Mapping, Sequence
from hashlib import blake2b

import numpy as np
import pyarrow as pa
import torch
from torch import Tensor

from mdn.data.readers.columns import Columns
from mdn.data.splits.settings import SplitBy

Marks = Mapping[str, Tensor]
"""By "part", "group" and "time", one number for each row."""

PART, GROUP, TIME = "part", "group", "time"

PARTS = {
    "train": ("train", "training", "fit"),
    "val": ("val", "valid", "validation", "dev"),
    "test": ("test", "testing", "holdout"),
}
"""The words for each part, in small letters."""

_CODES = {word: code for code, words in enumerate(PARTS.values()) for word in words}
_BETWEEN = "\x1f"
"""Between the values of several columns, in none of which it occurs."""

_MISSING = "\x00"


def marks_of(columns: Columns, by: SplitBy) -> Marks:
    """Return the marks of all rows.

    Args:
        columns: those that the split goes by among them.
        by: the split, by names of columns.

    Raises:
        ValueError: on a word that names no part, a row without a time, and a column of a type that
            tells nothing of these.
    """
    source, table, marks = columns.source, columns.table, {}
    if by.part is not None:
        marks[PART] = _parts(source, str(by.part), table.column(by.part))
    if by.groups:
        marks[GROUP] = _groups([_texts(source, str(key), table.column(key)) for key in by.groups])
    if by.time is not None:
        marks[TIME] = _times(source, str(by.time), table.column(by.time))
    return marks


def _parts(source: str, name: str, column: pa.ChunkedArray) -> Tensor:
    words = _texts(source, name, column)
    codes = [_CODES.get(word.strip().lower(), -1) for word in words.dictionary.to_pylist()]
    wrong = [
        word for word, code in zip(words.dictionary.to_pylist(), codes, strict=True) if code < 0
    ]
    if wrong or words.null_count:
        got = ", ".join([*map(repr, wrong[:5]), *(["nothing"] if words.null_count else [])])
        raise ValueError(
            f"{source}: column {name!r} must name the part of each row, as {_words()}, got {got}; "
            "mend it, or split by fraction"
        )
    return torch.tensor(codes, dtype=torch.int64)[torch.from_numpy(_indices(words))]


def _words() -> str:
    return " or ".join(words[0] for words in PARTS.values())


def _groups(words: Sequence[pa.DictionaryArray]) -> Tensor:
    codes = np.stack([_indices(each) for each in words], 1)
    distinct, which = np.unique(codes, axis=0, return_inverse=True)
    # A missing value has the code -1, which is the last.
    texts = [[*each.dictionary.to_pylist(), _MISSING] for each in words]
    keys = [[text[code] for text, code in zip(texts, row, strict=True)] for row in distinct]
    hashes = [_number(_BETWEEN.join(key).encode()) for key in keys]
    return torch.tensor(hashes, dtype=torch.int64)[torch.from_numpy(which.reshape(-1))]


def shares(groups: Tensor, seed: int) -> Tensor:
    """Return a number from 0 to 1 for each row that depends on its group and the seed alone."""
    distinct, which = groups.unique(return_inverse=True)
    key = seed.to_bytes(8, "little")
    numbers = [
        _number(group.to_bytes(8, "little", signed=True), key) for group in distinct.tolist()
    ]
    return (torch.tensor(numbers, dtype=torch.float64) / 2.0**64 + 0.5)[which]


def _number(data: bytes, key: bytes = b"") -> int:
    """A whole number of 64 bits that is the same in every program and on every machine."""
    return int.from_bytes(blake2b(data, digest_size=8, key=key).digest(), "little", signed=True)


def _times(source: str, name: str, column: pa.ChunkedArray) -> Tensor:
    values = np.array(_seconds(source, name, column), dtype=np.float64)
    missing = int(np.isnan(values).sum())
    if missing:
        raise ValueError(
            f"{source}: column {name!r}, which rows are split by, has no time in {missing} rows; "
            "fill or remove them, or split otherwise"
        )
    return torch.from_numpy(values)


def _seconds(source: str, name: str, column: pa.ChunkedArray) -> np.ndarray:
    kind = column.type
    if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
        exact = column.cast(pa.timestamp("us", getattr(kind, "tz", None)), safe=False)
        return exact.cast(pa.int64()).to_numpy() / 1e6
    if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        return column.cast(pa.float64(), safe=False).to_numpy()
    raise ValueError(
        f"{source}: column {name!r}, which rows are split by, is of type {kind}, neither dates nor "
        "numbers; write dates as 2024-01-31"
    )


def _plain(column: pa.ChunkedArray) -> pa.ChunkedArray:
    kind = column.type
    return column.cast(kind.value_type) if pa.types.is_dictionary(kind) else column


def _texts(source: str, name: str, column: pa.ChunkedArray) -> pa.DictionaryArray:
    try:
        texts = _plain(column).cast(pa.string())
    except (pa.ArrowNotImplementedError, pa.ArrowInvalid):
        raise ValueError(
            f"{source}: column {name!r}, which rows are split by, is of type {column.type}, whose "
            "values are no text; turn it into text or numbers"
        ) from None
    return texts.combine_chunks().dictionary_encode()


def _indices(words: pa.DictionaryArray) -> np.ndarray:
    """The place of each row's word; -1 where it is missing."""
    return words.indices.cast(pa.int64()).fill_null(-1).to_numpy(zero_copy_only=False).copy()

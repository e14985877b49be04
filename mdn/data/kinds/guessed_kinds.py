"""The kind of a column that nobody has said anything about.

Text is a category where its values repeat, and numbers where nearly all of it are. What tells no
rows apart that were not seen before is left out: row names, identifiers, and free text.
"""

import re
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import singledispatch

import numpy as np
import pyarrow as pa
from pyarrow import types

from mdn.data.formats.missing import WORDS
from mdn.data.kinds.arrow_values import (
    as_levels,
    as_numbers,
    is_number,
    is_text,
    is_time,
    is_zoned,
)
from mdn.data.kinds.vocabulary import Vocabulary
from mdn.networks.kinds import Boolean, Category, Kind, Number, Time

_ROW_NAMES = re.compile(r"|unnamed: ?\d+|row\W?(names?|numbers?|id|index)?|index|__index.*", re.I)
_IDENTIFIERS = frozenset(("id", "ids", "uuid", "guid", "key", "code", "no", "nr", "number"))
_BEFORE_ID = re.compile(r"(?<=[a-z])(?=I[dD]$)")
_FEWEST_ROWS = 5
"""Rows of a level from which a model can learn."""

_REPEATING = 0.1
"""The share of rows with such a level that makes text a category."""

_NUMBERS = 0.9
"""The share of numbers among text of many levels from which on the rest are mistakes."""

_FEW_LEVELS = 20
"""So few levels may be numbers and words."""

_MIXED = 0.5
"""The share of numbers from which on the rest are mistakes, where text is no category."""

_WORDS = 4
"""Words of a text on average that make it free text."""

_ENOUGH = 100_000
"""Rows of different values that make a column an identifier."""


@dataclass(frozen=True)
class Guess:
    """The kind that a column is taken for.

    Attributes:
        kind: None where it is left out.
        why: it is left out.
        otherwise: the kind of a column that is left out, where someone wants it all the same.
    """

    kind: Kind | None
    why: str = ""
    otherwise: Kind | None = None


class Facts(ABC):
    """What is known of a column, piece by piece."""

    @abstractmethod
    def update(self, column: pa.ChunkedArray) -> None:
        """Look at further rows."""

    @abstractmethod
    def guess(self) -> Guess:
        """Guess the kind from the rows so far."""


def facts_of(name: str, kind: pa.DataType) -> Facts:
    """Return the facts of a column of this name and type, before its first row."""
    make = next((make for test, make in _FACTS if test(kind)), None)
    return _Refused(kind) if make is None else make(name)


def guess_kind(name: str, column: pa.ChunkedArray) -> Guess:
    """Guess the kind of a column in memory."""
    facts = facts_of(name, column.type)
    facts.update(column)
    return facts.guess()


@singledispatch
def of_type(kind: Kind, column: pa.DataType) -> Kind:
    """Return a kind with what the type of its column tells."""
    return kind


@of_type.register
def _time_of_type(kind: Time, column: pa.DataType) -> Kind:
    return replace(kind, zoned=is_zoned(column)) if is_time(column) else kind


def named_like_rows(name: str) -> bool:
    """Tell whether a name is one of those that programs give to row names."""
    return bool(_ROW_NAMES.fullmatch(name.strip()))


def named_like_identifier(name: str) -> bool:
    """Tell whether a name is one that people give to identifiers."""
    words = re.split(r"[\W_]+", _BEFORE_ID.sub("_", name.strip()).lower())
    return named_like_rows(name) or words[0] == "id" or words[-1] in _IDENTIFIERS


class _Of(Facts):
    """A column whose type says all."""

    def __init__(self, kind: Kind) -> None:
        self._kind, self._present = kind, 0

    def update(self, column: pa.ChunkedArray) -> None:
        self._present += len(column) - column.null_count

    def guess(self) -> Guess:
        return Guess(self._kind) if self._present else _EMPTY


class _Refused(Facts):
    """A column of a type that is not for a table."""

    def __init__(self, kind: pa.DataType) -> None:
        self._kind = kind

    def update(self, column: pa.ChunkedArray) -> None:
        pass

    def guess(self) -> Guess:
        return _EMPTY if types.is_null(self._kind) else Guess(None, f"of type {self._kind}")


class _Numbers(Facts):
    """Numbers, which are an identifier where they are whole, different and named like one."""

    def __init__(self, name: str) -> None:
        self._present, self._suspect = 0, named_like_identifier(name)
        self._values: set[float] = set()

    def update(self, column: pa.ChunkedArray) -> None:
        values = as_numbers(column)
        self._present += len(values) - int(np.isnan(values).sum())
        if self._suspect and len(self._values) < _ENOUGH:
            self._suspect = self._all_differ(values.tolist())

    def _all_differ(self, values: list[float]) -> bool:
        before = len(self._values)
        self._values.update(values)
        whole = all(value.is_integer() for value in values)
        return whole and len(self._values) == before + len(values)

    def guess(self) -> Guess:
        if not self._present:
            return _EMPTY
        return Guess(None, _NAMES_ROWS, Number()) if self._suspect else Guess(Number())


class _Text(Facts):
    """Text: numbers, a category, or nothing to learn from."""

    def __init__(self, name: str) -> None:
        self._name, self._vocabulary = name, Vocabulary()

    def update(self, column: pa.ChunkedArray) -> None:
        self._vocabulary.update(as_levels(column))

    def guess(self) -> Guess:
        words = self._vocabulary
        if not words.present:
            return _EMPTY
        guess = _guess_category(words)
        share, mistakes = self._numbers_among(words)
        if share == 1:
            return self._of_numbers(guess)
        crowd = share >= _NUMBERS and (mistakes or len(words.counts) > _FEW_LEVELS)
        return Guess(Number()) if crowd or (share >= _MIXED and guess.kind is None) else guess

    def _of_numbers(self, guess: Guess) -> Guess:
        is_name = self._vocabulary.all_differ and named_like_identifier(self._name)
        return Guess(None, _NAMES_ROWS, Number()) if is_name else Guess(Number())

    def _numbers_among(self, words: Vocabulary) -> tuple[float, bool]:
        """Tell which share are numbers, and whether all else is rare."""
        told = [(text, rows) for text, rows in words if text.lower() not in WORDS]
        rest = [rows for text, rows in told if not _is_plain_number(text)]
        share = 1 - sum(rest) / max(1, sum(rows for _, rows in told))
        return share, max(rest, default=0) < _FEWEST_ROWS


class _Dictionary(_Text):
    """Text of which someone has made a dictionary, so that numbers among it are levels."""

    def _of_numbers(self, guess: Guess) -> Guess:
        return guess


def _guess_category(words: Vocabulary) -> Guess:
    kind = category(words)
    if words.repeated(_FEWEST_ROWS) >= _REPEATING * words.present:
        return Guess(kind)
    if sum(text.count(" ") for text in words.counts) >= (_WORDS - 1) * len(words.counts):
        return Guess(None, "free text", kind)
    return Guess(None, _NAMES_ROWS if words.all_differ else "text that hardly repeats", kind)


def category(words: Vocabulary) -> Category:
    """Return the category of all levels that were counted."""
    return Category(words.levels(), missing=words.missing > 0, other=not words.complete)


def _is_plain_number(text: str) -> bool:
    # Zeros in front are those of a code, such as a zip code.
    if re.fullmatch(r"[+-]?0\d.*", text) or "_" in text:
        return False
    try:
        return abs(float(text)) < float("inf")
    except ValueError:
        return False


_EMPTY = Guess(None, "all values are missing", Number())
_NAMES_ROWS = "an identifier"

_FACTS: list[tuple[Callable[[pa.DataType], bool], Callable[[str], Facts]]] = [
    (types.is_boolean, lambda name: _Of(Boolean())),
    (is_zoned, lambda name: _Of(Time(zoned=True))),
    (is_time, lambda name: _Of(Time(zoned=False))),
    (is_number, _Numbers),
    (is_text, _Text),
    (types.is_dictionary, _Dictionary),
]

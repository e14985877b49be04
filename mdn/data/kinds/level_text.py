"""The text of a level, and the words that stand for a missing value."""

import datetime
import math
import re
from collections.abc import Sequence
from decimal import Decimal
from functools import singledispatch

MISSING_LEVELS = frozenset(
    ("", "NA", "na", "N/A", "n/a", "#N/A", "NaN", "nan", "NAN", "NULL", "null", "?", "<NA>")
)
"""Words for a missing value among text, where "none" may be an answer, and "Na" sodium."""

_DIGITS = 1e15
"""Whole numbers below this have all of their digits."""

_TRUTH = {"true": ("True", "TRUE", "true"), "false": ("False", "FALSE", "false")}
"""Truth as programs write it, of which a column of truth has the last."""

_WHOLE = re.compile(r"([+-]?\d+)\.0*")


@singledispatch
def level_text(value: object) -> str | None:
    """Return the shortest text of a value: "1" of 1, 1.0 and "1.0"; None where it is missing."""
    return str(value)


@level_text.register
def _missing(value: None) -> None:
    return None


@level_text.register
def _text(value: str) -> str | None:
    text = value.strip()
    whole = _WHOLE.fullmatch(text)
    return None if text in MISSING_LEVELS else whole[1] if whole else text


@level_text.register
def _bytes(value: bytes) -> str | None:
    return _text(value.decode(errors="replace"))


@level_text.register
def _truth(value: bool) -> str:
    return "true" if value else "false"


@level_text.register
def _float(value: float) -> str | None:
    if math.isnan(value):
        return None
    return str(int(value)) if abs(value) < _DIGITS and value.is_integer() else repr(value)


@level_text.register
def _decimal(value: Decimal) -> str | None:
    return _text(f"{value:f}")


@level_text.register
def _date(value: datetime.date) -> str:
    return value.isoformat()


def text_codes(levels: Sequence[str]) -> dict[str, int]:
    """Return the code of each text that is a level: "1.0" is "1", and "true" is "True"."""
    known = {level: code for code, level in enumerate(levels)}
    spelled = {text: code for level, code in known.items() for text in _spellings(level)}
    return spelled | known


def _spellings(level: str) -> Sequence[str]:
    fraction = f"{level}.0"
    return (fraction,) if level_text(fraction) == level else _TRUTH.get(level.lower(), ())

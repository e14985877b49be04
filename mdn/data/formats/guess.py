"""Guesses at the formats of columns of text, and what is said of them."""

from collections.abc import Mapping, Sequence
from itertools import product

from mdn.data.formats.arrow_functions import Values
from mdn.data.formats.format import Format
from mdn.data.formats.number_formats import Boolean, Integer, Number, matches
from mdn.data.formats.text_formats import Text
from mdn.data.formats.time_formats import EITHER, TIMES

NUMBER, TEXT = Number(), Text()
_INTEGER, _BOOLEAN, _WORDS = Integer(), Boolean(), Text(words=True)
_POINTS, _COMMAS = (
    [(".", ""), (".", ","), (".", "'"), (".", " ")],
    [(",", ""), (",", "."), (",", " ")],
)
_NUMBERS = [
    NUMBER,
    *(Number(*parts, sign) for sign, parts in product(("", "money", "percent"), _POINTS + _COMMAS)),
]
del _NUMBERS[1]  # the plain one has its place already
_FORMATS: list[Format] = [_INTEGER, *_NUMBERS, _BOOLEAN, *TIMES, _WORDS, TEXT]
_BY_CODE = {form.code: form for form in _FORMATS}
_NOT_TEXT = r"\d|(?i:inf|true|false)"


def possible(values: Values) -> list[Format]:
    """Return the formats that all values have; they are trimmed, and none is missing."""
    if not matches(values, _NOT_TEXT):
        return [form for form in (_WORDS, TEXT) if form.fits(values)]
    return [form for form in _FORMATS if form.fits(values)]


def likely(values: Values) -> list[Format]:
    """Return the formats of some of a column's values, sooner than `possible`."""
    if _INTEGER.fits(values):
        return [_INTEGER, NUMBER, TEXT]
    if NUMBER.fits(values):
        apart = [form for form in _NUMBERS if form.thousands == "." and form.fits(values)]
        return [NUMBER, *apart, TEXT]
    return possible(values)


def restrict(forms: list[Format], wanted: str | None) -> list[Format]:
    """Keep the formats that a column shall have, where it can.

    Args:
        forms: which its values may have.
        wanted: a kind of values, or the code of a format, of which another of its kind will do.
    """
    if wanted is None:
        return forms
    form = _BY_CODE.get(wanted)
    kind = wanted if form is None else form.kind
    if kind == "text":
        return [form or TEXT]
    if form in forms:
        return [form]
    kinds = ("number", "boolean") if kind == "number" else (kind,)
    alike = [other for other in forms if other.kind in kinds]
    return alike or ([NUMBER] if kind == "number" else forms)


def choose(forms: Mapping[str, list[Format]], delimiter: str) -> dict[str, Format]:
    """Choose one format for each column, by what the others leave no doubt about.

    Args:
        forms: which each may have.
        delimiter: between the columns; a semicolon lets the comma stand before fractions.
    """
    marks = [_decimals(some) for some in forms.values()]
    comma, point = {","} in marks, {"."} in marks
    numbers = _POINTS + _COMMAS
    if comma:
        numbers = _COMMAS + _POINTS
    elif delimiter == ";" and not point:
        numbers = [_POINTS[0], *_COMMAS, *_POINTS[1:]]
    return {name: _choose(some, numbers) for name, some in forms.items()}


def _decimals(forms: Sequence[Format]) -> set[str]:
    if not forms or forms[0] is _INTEGER:
        return set()
    return {form.decimal for form in forms if isinstance(form, Number)}


def _choose(forms: list[Format], numbers: list[tuple[str, str]]) -> Format:
    written = _of_money([form for form in forms if isinstance(form, Number)])
    if written and forms[0] is not _INTEGER:
        return min(written, key=lambda form: numbers.index((form.decimal, form.thousands)))
    return forms[0] if not either(forms) else TEXT


def _of_money(forms: list[Number]) -> list[Number]:
    # Nobody writes three digits of a cent: "$1,200" is more than a thousand dollars everywhere.
    points = {form.decimal for form in forms if not form.thousands}
    apart = [form for form in forms if form.sign == "money" and form.decimal not in points]
    return apart if len(points) == 1 and apart else forms


def either(forms: Sequence[Format]) -> bool:
    """Tell whether values are dates that do not say which number is the day."""
    codes = {form.code.partition(" and ")[0] for form in forms}
    first = forms[0].code.partition(" and ")[0]
    return any(first in pair and codes >= {*pair} for pair in EITHER)


def remarks(formats: Mapping[str, Format]) -> list[str]:
    """Say which columns are read in another way than goes without saying."""
    said: dict[str, list[str]] = {}
    for name, form in formats.items():
        if form.remark:
            said.setdefault(form.remark, []).append(name)
    return [f"{listed(names)}: {remark}" for remark, names in said.items()]


def listed(names: Sequence[str]) -> str:
    """Name columns, the first ten of them."""
    more = f" and {len(names) - 10} more" if len(names) > 10 else ""
    word = "column" if len(names) == 1 else "columns"
    return f"{word} {', '.join(map(repr, names[:10]))}{more}"

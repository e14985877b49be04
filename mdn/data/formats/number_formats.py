"""Numbers as people write them: decimal commas, thousands apart, signs of money and percent."""

import re

import pyarrow as pa

from mdn.data.formats.arrow_functions import Values, all_true, lower, matching, replace
from mdn.data.formats.format import Format
from mdn.data.formats.missing import without_words

_MONEY = "[A-Z]{0,3}[$\u00a2-\u00a5\u0e3f\u20a0-\u20c0]"
_PARTS = {"": "", ",": ",", ".": r"\.", " ": "[ \u00a0\u2009\u202f]", "'": "['\u2019]"}
_NAMES = {",": "commas", ".": "points", " ": "spaces", "'": "apostrophes"}


class Integer(Format):
    """Whole numbers, read as float64, for fractions may come later."""

    code = "integer"
    kind = "number"
    type = pa.float64()
    direct = True

    def fits(self, values: Values) -> bool:
        return matches(values, r"^[+-]?\d+$")

    def convert(self, values: Values) -> Values:
        return without_words(values).cast(self.type)


class Number(Format):
    """Numbers with or without a fraction.

    Args:
        decimal: what is before the fraction, a point or a comma.
        thousands: what groups of three digits have between them.
        sign: "money" or "percent" where every value bears such a sign.
    """

    kind = "number"
    type = pa.float64()

    def __init__(self, decimal: str = ".", thousands: str = "", sign: str = "") -> None:
        self.decimal, self.thousands, self.sign = decimal, thousands, sign
        mark = f"{decimal}{thousands}{sign}"
        self.code = "number" if mark == "." else f"number {mark}"
        self.direct = not (thousands or sign)
        written = _signed(_digits(decimal, thousands, sign), sign)
        # Accountants have losses in brackets.
        self._pattern = f"^(?:{written})$" if self.direct else rf"^(?:{written}|\((?:{written})\))$"

    def fits(self, values: Values) -> bool:
        return matches(values, self._pattern)

    def convert(self, values: Values) -> Values:
        values = without_words(values)
        if not self.direct:
            values = replace(values, r"^\((.*)\)$", r"-\1")
        if self.sign:
            values = replace(values, rf"{_MONEY}|%|\s", "")
        if self.thousands:
            values = replace(values, _PARTS[self.thousands], "")
        if self.decimal != ".":
            values = replace(values, self.decimal, ".")
        return values.cast(self.type)

    @property
    def remark(self) -> str | None:
        said = []
        if self.decimal == ",":
            said.append("a decimal comma")
        if self.thousands:
            said.append(f"{_NAMES[self.thousands]} between thousands")
        if self.sign:
            said.append("a currency sign" if self.sign == "money" else "a percent sign")
        return f"numbers with {' and '.join(said)}" if said else None


class Boolean(Format):
    """True and false, beside which 1 and 0 may stand."""

    code = "boolean"
    kind = "boolean"
    type = pa.bool_()
    direct = True

    def fits(self, values: Values) -> bool:
        return matches(values, r"^(?:(?i:true|false)|[01])$")

    def convert(self, values: Values) -> Values:
        return lower(without_words(values)).cast(self.type)


def matches(values: Values, pattern: str) -> bool:
    """Tell whether all values match a regular expression."""
    # Most columns are refused by their first value, sooner than Arrow compiles the pattern.
    if len(values) and re.search(pattern, values[0].as_py()) is None:
        return False
    return all_true(matching(values, pattern))


def _digits(decimal: str, thousands: str, sign: str) -> str:
    point = _PARTS[decimal]
    if thousands:
        groups = rf"[1-9]\d{{0,2}}(?:{_PARTS[thousands]}\d{{3}})+"
        return rf"(?:{groups}|\d+)(?:{point}\d*)?"
    power = "" if sign else r"(?:[eE][+-]?\d+)?"
    endless = "" if sign or decimal == "," else "|(?i:inf|infinity)"
    return rf"(?:\d+(?:{point}\d*)?|{point}\d+){power}{endless}"


def _signed(digits: str, sign: str) -> str:
    plain = rf"[+-]?(?:{digits})"
    if sign == "percent":
        return rf"{plain}\s?%"
    if sign == "money":
        return rf"[+-]?{_MONEY}\s?{plain}|{plain}\s?{_MONEY}"
    return plain

"""Dates and times as people write them, turned into ISO 8601 and read by Arrow.

`strptime` takes 31 February for 2 March, and a year of two digits for one of the first century.
"""

import pyarrow as pa

from mdn.data.arrow_functions import Values, replace
from mdn.data.formats import Format
from mdn.data.missing import without_words
from mdn.data.number_formats import matches

_CLOCK = r"(?:[T ]\d{1,2}:\d{2}(?::\d{2}(?:[.]\d{1,6})?)?)"
_ZONE = r"(?:Z|[+-]\d{2}(?::?\d{2})?)"
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTH = "(?i:" + "|".join(_MONTHS) + ")[a-z]*"
_ISO = r"\d{4}-\d{2}-\d{2}"


class Iso(Format):
    """Dates, times, or times with their zone, as ISO 8601 has them."""

    kind = "time"
    direct = True

    def __init__(self, code: str, kind: pa.DataType, pattern: str) -> None:
        self.code, self.type = code, kind
        self._pattern = f"^{pattern}$"

    def fits(self, values: Values) -> bool:
        return matches(values, self._pattern) and _casts(values, self.type)

    def convert(self, values: Values) -> Values:
        return without_words(values).cast(self.type)

    @property
    def remark(self) -> str | None:
        return f"{self.code}s, as in 2024-12-31"


class Written(Format):
    """Dates in another order than ISO 8601 has them, with or without a time.

    Args:
        code: as people call the order, such as "day/month/year".
        pattern: of the date, with its parts in brackets.
        order: of the parts for ISO 8601.
        clock: whether a time follows.
    """

    kind = "time"

    def __init__(self, code: str, pattern: str, order: str, clock: bool) -> None:
        self.code = code + (" and time" if clock else "")
        self.type = pa.timestamp("us") if clock else pa.date32()
        self._pattern = f"^{pattern}{_CLOCK + '?' if clock else ''}$"
        self._date, self._order = f"^{pattern}", order
        self._has_month = _MONTH in pattern

    def fits(self, values: Values) -> bool:
        return matches(values, self._pattern) and _casts(self._iso(values), self.type)

    def convert(self, values: Values) -> Values:
        return self._iso(without_words(values)).cast(self.type)

    def _iso(self, values: Values) -> Values:
        values = replace(values, self._date, self._order)
        for number, month in enumerate(_MONTHS if self._has_month else (), start=1):
            values = replace(values, f"(?i:{month})[a-z]*", f"{number:02}")
        return replace(values, r"\b(\d)\b", r"0\1")

    @property
    def remark(self) -> str | None:
        return f"dates written {self.code}"


def _casts(values: Values, kind: pa.DataType) -> bool:
    try:
        values.cast(kind)
    except pa.ArrowInvalid:
        return False
    return True


_DAY, _YEAR = r"(\d{1,2})", r"(\d{4})"
_ORDERS = {
    "year/month/day": (rf"{_YEAR}/{_DAY}/{_DAY}", r"\1-\2-\3"),
    "year.month.day": (rf"{_YEAR}\.{_DAY}\.{_DAY}", r"\1-\2-\3"),
    "day.month.year": (rf"{_DAY}\.{_DAY}\.{_YEAR}", r"\3-\2-\1"),
    "day/month/year": (rf"{_DAY}/{_DAY}/{_YEAR}", r"\3-\2-\1"),
    "month/day/year": (rf"{_DAY}/{_DAY}/{_YEAR}", r"\3-\1-\2"),
    "day-month-year": (rf"{_DAY}-{_DAY}-{_YEAR}", r"\3-\2-\1"),
    "month-day-year": (rf"{_DAY}-{_DAY}-{_YEAR}", r"\3-\1-\2"),
    "day month year": (rf"{_DAY}[ -]({_MONTH})\.?,?[ -]{_YEAR}", r"\3-\2-\1"),
    "month day, year": (rf"({_MONTH})\.? {_DAY},? {_YEAR}", r"\3-\1-\2"),
}

TIMES: list[Format] = [
    Iso("date", pa.date32(), _ISO),
    Iso("time", pa.timestamp("us"), f"{_ISO}{_CLOCK}?"),
    Iso("time with zone", pa.timestamp("us", "UTC"), f"{_ISO}{_CLOCK}{_ZONE}"),
    *(Written(code, *parts, clock) for code, parts in _ORDERS.items() for clock in (False, True)),
]
"""In the order in which they are tried."""

EITHER = [
    ("day/month/year", "month/day/year"),
    ("day-month-year", "month-day-year"),
]
"""Orders between which days up to the twelfth do not decide."""

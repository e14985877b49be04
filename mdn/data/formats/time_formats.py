"""Dates and times as people write them, turned into ISO 8601 and read by Arrow.

`strptime` takes 31 February for 2 March, and a year of two digits for one of the first century.
"""

import pyarrow as pa

from mdn.data.formats.arrow_functions import Values, replace
from mdn.data.formats.format import Format
from mdn.data.formats.missing import without_words
from mdn.data.formats.number_formats import matches

_CLOCK = r"(?:[T ]\d{1,2}:\d{2}(?::\d{2}(?:[.]\d{1,6})?)?)"
_TWELVE = "time of twelve hours"
_CLOCKS = {
    "": "",
    "time": f"{_CLOCK}?",
    _TWELVE: r"(?: (?:0?[1-9]|1[0-2]):\d{2}(?::\d{2})? ?(?i:AM|PM))",
}
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


class Clock(Format):
    """Times of day, which are numbers: seconds since midnight."""

    code = "time of day"
    kind = "number"
    type = pa.time64("us")

    def fits(self, values: Values) -> bool:
        return matches(values, r"^\d{1,2}:\d{2}(?::\d{2}(?:\.\d{1,6})?)?$") and _casts(
            _of_first_day(values), pa.timestamp("us")
        )

    def convert(self, values: Values) -> Values:
        return _of_first_day(without_words(values)).cast(pa.timestamp("us")).cast(self.type)

    @property
    def remark(self) -> str | None:
        return "times of day, read as seconds since midnight"


class Written(Format):
    """Dates in another order than ISO 8601 has them, with or without a time.

    Args:
        code: as people call the order, such as "day/month/year".
        pattern: of the date, with its parts in brackets.
        order: of the parts for ISO 8601.
        clock: "time", or "time of twelve hours" with AM and PM, that follows; "" for none.
    """

    kind = "time"

    def __init__(self, code: str, pattern: str, order: str, clock: str) -> None:
        self.code = f"{code} and {clock}" if clock else code
        self.type = pa.timestamp("us") if clock else pa.date32()
        self._pattern = f"^{pattern}{_CLOCKS[clock]}$"
        self._halves = clock == _TWELVE
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
        return _of_day(values) if self._halves else _padded(values)

    @property
    def remark(self) -> str | None:
        return f"dates written {self.code}"


def _of_first_day(values: Values) -> Values:
    return replace(_padded(values), "^", "1970-01-01 ")


def _padded(values: Values) -> Values:
    return replace(values, r"\b(\d)\b", r"0\1")


def _of_day(values: Values) -> Values:
    """Turn hours before and after noon into hours of the day."""
    values = _padded(values)
    for hour in range(1, 13):
        values = replace(values, rf" {hour:02}([:0-9]*) ?(?i:AM)$", rf" {hour % 12:02}\1")
        values = replace(values, rf" {hour:02}([:0-9]*) ?(?i:PM)$", rf" {hour % 12 + 12:02}\1")
    return values


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
    *(Written(code, *parts, clock) for code, parts in _ORDERS.items() for clock in _CLOCKS),
    Clock(),
]
"""In the order in which they are tried."""

EITHER = [
    ("day/month/year", "month/day/year"),
    ("day-month-year", "month-day-year"),
]
"""Orders between which days up to the twelfth do not decide."""

"""Values of rows in words, for messages."""

import math
from datetime import UTC, datetime, timedelta
from functools import singledispatch

from mdn.networks.kinds import Boolean, Category, Kind, Time

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def value_text(kind: Kind, value: float) -> str:
    """Return a value as its user wrote it, or nearly so."""
    if math.isnan(value):
        return "missing"
    return _text(kind, value) if math.isfinite(value) else str(value)


@singledispatch
def _text(kind: Kind, value: float) -> str:
    return f"{value:.6g}"


@_text.register
def _(kind: Boolean, value: float) -> str:
    return "true" if value else "false"


@_text.register
def _(kind: Category, value: float) -> str:
    return repr(kind.levels[int(value)]) if value < len(kind.levels) else "another level"


@_text.register
def _(kind: Time, value: float) -> str:
    try:
        return (_EPOCH + timedelta(seconds=value)).isoformat(" ").removesuffix("+00:00")
    except OverflowError:
        return f"{value:.6g} s"

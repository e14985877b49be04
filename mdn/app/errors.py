"""Mistakes of the user become one readable message, with a traceback only on request."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

from hydra.errors import (
    CompactHydraException,
    ConfigCompositionException,
    HydraException,
    OverrideParseException,
)

from mdn.app.keys_in_messages import in_keys

_FULL_ERROR = "HYDRA_FULL_ERROR"
_ASKED = os.environ.get(_FULL_ERROR)

CONFIGURATION_ERRORS: tuple[type[Exception], ...] = (HydraException,)
"""What composing and instantiating a configuration raises."""

COMPOSING_ERRORS: tuple[type[Exception], ...] = (
    ConfigCompositionException,
    OverrideParseException,
)
"""What composing alone raises."""


class UserError(CompactHydraException):
    """A mistake in configuration or data; Hydra prints its message alone and exits with 1."""


def wants_traceback() -> bool:
    """Tell whether the user has asked for tracebacks, with Hydra's HYDRA_FULL_ERROR=1."""
    return _ASKED == "1"


@contextmanager
def full_error(value: str | None = _ASKED) -> Iterator[None]:
    """Set HYDRA_FULL_ERROR for a while, by default to what the user has set it to."""
    before = os.environ.pop(_FULL_ERROR, None)
    _set(value)
    try:
        yield
    finally:
        _set(before)


def _set(value: str | None) -> None:
    os.environ.pop(_FULL_ERROR, None)
    if value is not None:
        os.environ[_FULL_ERROR] = value


def readable(error: BaseException) -> str:
    """Return the message of the error at the root, after the configuration key it came from."""
    key = getattr(error, "full_key", None) or _key_in(str(error))
    cause = error.__cause__
    if cause is None:
        return in_keys(_of_system(error) if isinstance(error, OSError) else str(error))
    return f"{key}: {readable(cause)}" if key else readable(cause)


def _key_in(message: str) -> str | None:
    """Find the key that Hydra's instantiate writes on the last line of its message."""
    last = message.strip().splitlines()[-1:] or [""]
    return last[0].removeprefix("full_key: ") if last[0].startswith("full_key: ") else None


def _of_system(error: OSError) -> str:
    """Quote the operating system, without the number of its error."""
    named = error.strerror and error.filename
    return f"{error.filename}: {error.strerror}" if named else str(error)

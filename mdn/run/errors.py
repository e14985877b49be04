"""What a user's mistake looks like: one readable message, and no traceback unless asked for."""

from hydra.errors import CompactHydraException, HydraException

CONFIGURATION_ERRORS: tuple[type[Exception], ...] = (HydraException,)
"""What composing and instantiating a configuration raises."""


class UserError(CompactHydraException):
    """A mistake in configuration or data; Hydra prints its message alone and exits with 1."""


def readable(error: BaseException) -> str:
    """The message of the error at the root, with the configuration key it came from."""
    key = getattr(error, "full_key", None) or _key_in(str(error))
    cause = error.__cause__
    if cause is None:
        return str(error)
    return f"{key}: {readable(cause)}" if key else readable(cause)


def _key_in(message: str) -> str | None:
    """Hydra's instantiate writes the key on the last line of its message."""
    last = message.strip().splitlines()[-1:] or [""]
    return last[0].removeprefix("full_key: ") if last[0].startswith("full_key: ") else None

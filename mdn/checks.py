"""What a number must be, said to who gave another."""

import math


def check_positive(name: str, value: float) -> None:
    """Refuse what is not a finite number above zero."""
    if not (isinstance(value, int | float) and 0 < value < math.inf):
        raise ValueError(f"{name} must be a positive number, got {value!r}")


def check_not_negative(name: str, value: float) -> None:
    """Refuse what is not a finite number of at least zero."""
    if not (isinstance(value, int | float) and 0 <= value < math.inf):
        raise ValueError(f"{name} must be a number of at least 0, got {value!r}")


def check_at_least(name: str, value: int | str, least: int) -> None:
    """Refuse what is not a whole number from `least` up."""
    if not isinstance(value, int) or value < least:
        raise ValueError(f"{name} must be a whole number of at least {least}, got {value!r}")

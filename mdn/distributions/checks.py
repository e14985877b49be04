"""Checks of numeric arguments, and of sizes against the memory of the machine."""

import math
import os
from collections.abc import Iterable
from difflib import get_close_matches
from pathlib import Path

_ALWAYS_FITS = 64e6
"""Bytes that need no look at the machine."""

_MOST_SEED = 2**32 - 1
"""The largest seed of NumPy."""

_MEMINFO = Path("/proc/meminfo")
_GROUP_LIMITS = (
    Path("/sys/fs/cgroup/memory.max"),
    Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"),
)


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


def check_seed(name: str, value: int) -> None:
    """Refuse what is not a seed of NumPy's generators."""
    if not isinstance(value, int) or not 0 <= value <= _MOST_SEED:
        raise ValueError(f"{name} must be a whole number from 0 to {_MOST_SEED}, got {value!r}")


def check_one_of(name: str, value: str | None, options: Iterable[str | None]) -> None:
    """Refuse a word that is none of some, and say which one was probably meant."""
    known = ["null" if option is None else option for option in options]
    if ("null" if value is None else value) not in known:
        close = get_close_matches(str(value), known, n=1)
        hint = f"; did you mean {close[0]}?" if close else ""
        raise ValueError(f"{name} must be one of {', '.join(known)}, got {value!r}{hint}")


def check_fraction(name: str, value: float) -> None:
    """Refuse what is not a number from 0 to 1."""
    if not (isinstance(value, int | float) and 0 <= value <= 1):
        raise ValueError(f"{name} must be a number from 0 to 1, got {value!r}")


def check_part(name: str, value: float | None) -> None:
    """Refuse what is neither None nor a share that leaves something on both sides."""
    if value is not None and not (isinstance(value, int | float) and 0 < value < 1):
        raise ValueError(f"{name} must lie between 0 and 1, got {value!r}")


def check_fits(num_bytes: float, what: str) -> None:
    """Refuse what is larger than the memory of this machine, before it is made.

    Args:
        num_bytes: how many bytes it would take.
        what: what would take them, with the setting that makes it so large.

    Raises:
        ValueError: if there is less memory. Where nobody knows how much there is, nothing is
            refused.
    """
    if num_bytes <= _ALWAYS_FITS:
        return
    available = available_memory()
    if num_bytes > available:
        raise ValueError(
            f"{what} would take {readable_bytes(num_bytes)} of memory, and this machine has "
            f"{readable_bytes(available)} left; ask for less"
        )


def available_memory() -> float:
    """Return the bytes this process can still take; infinity where nobody knows."""
    return min(_free_memory(), _allowed_memory())


def readable_bytes(num_bytes: float) -> str:
    """Write a number of bytes in the unit that suits it."""
    num_bytes = float(min(num_bytes, 1e300))  # of a whole number without end too
    units = ["bytes", "kB", "MB", "GB", "TB", "PB"]
    power = min(len(units) - 1, max(0, int(math.log10(max(num_bytes, 1)) // 3)))
    return f"{num_bytes / 1000**power:.3g} {units[power]}"


def _free_memory() -> float:
    try:
        lines = _MEMINFO.read_text().splitlines()
        sizes = {name: float(size.split()[0]) for name, size in (x.split(":") for x in lines)}
        return 1024 * (sizes["MemAvailable"] + sizes.get("SwapFree", 0.0))
    except (OSError, KeyError, ValueError):
        return _physical_memory()


def _physical_memory() -> float:
    try:
        return float(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    except (AttributeError, OSError, ValueError):  # Windows has no sysconf
        return math.inf


def _allowed_memory() -> float:
    """Read what a container grants at most, by version 2 or 1 of control groups."""
    for path in _GROUP_LIMITS:
        try:
            return float(path.read_text())
        except (OSError, ValueError):  # not there, or the word max
            continue
    return math.inf

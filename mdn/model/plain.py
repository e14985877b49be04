"""Plain data: what a file from a stranger may hold, and how it is held against type hints.

Plain is None, bool, int, float, str, and lists and dictionaries (with text as keys) of these.
Nothing else: no tuple, no subclass, no object that could have a meaning of its own.
"""

import types
from collections.abc import Sequence
from difflib import get_close_matches
from itertools import chain, islice
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin

_SCALARS = (type(None), bool, int, float, str)

_MOST_VALUES = 1_000_000
"""Values in one piece of plain data; thousands of columns need a hundredth of it."""

_MOST_LEVELS = 30
"""Levels of lists and dictionaries in each other; one that holds itself has no end of them."""

_NUMBERS: dict[object, tuple[type, ...]] = {float: (int, float), Path: (str,)}
"""What stands for values that plain data has no type of its own for."""


def check_plain(value: object, name: str) -> None:
    """Refuse anything but plain data.

    Args:
        value: what was read.
        name: what to call it in the message.

    Raises:
        ValueError: on another type, or where lists and dictionaries have no end.
    """
    level, count = [value], 0
    for _ in range(_MOST_LEVELS):
        count += len(level)
        if not level or count > _MOST_VALUES:
            break
        inner = chain.from_iterable(_inside(outer, name) for outer in level)
        level = list(islice(inner, _MOST_VALUES + 1))
    if level:
        raise ValueError(
            f"{name} must hold at most {_MOST_VALUES} values in at most {_MOST_LEVELS} levels, and "
            "holds more"
        )


def _inside(value: object, name: str) -> list[object]:
    if type(value) is dict:
        return [*value.keys(), *value.values()] if all(type(key) is str for key in value) else [()]
    if type(value) is list:
        return value
    if type(value) not in _SCALARS:
        raise ValueError(
            f"{name} must be plain data (None, true or false, numbers, text, lists, and "
            f"dictionaries with text as keys), got a {type(value).__name__} in it"
        )
    return []


def fits(value: object, hint: object) -> bool:
    """Tell whether plain data is what a type hint asks for.

    Hints may be made of None, bool, int, float, str, Path, Literal, list, Sequence, tuple, dict and
    unions; `Any` and `object` take everything, and what else there is takes nothing.
    """
    origin, inner = get_origin(hint), get_args(hint)
    if hint in (Any, object):
        return True
    if origin in (Union, types.UnionType):
        return any(fits(value, each) for each in inner)
    if origin is not None:
        return _fits_generic(value, origin, inner)
    return type(value) in _NUMBERS.get(hint, (type(None) if hint is None else hint,))


def _fits_generic(value: object, origin: object, inner: Sequence[object]) -> bool:
    if origin is Literal:
        return any(type(value) is type(each) and value == each for each in inner)
    if origin is dict:
        return type(value) is dict and all(fits(each, inner[1]) for each in value.values())
    if origin is tuple and inner[-1:] != (...,):
        return type(value) is list and _each_fits(value, inner)
    return (
        origin in (list, Sequence, tuple)
        and type(value) is list
        and all(fits(each, inner[0]) for each in value)
    )


def _each_fits(values: list[object], hints: Sequence[object]) -> bool:
    return len(values) == len(hints) and all(map(fits, values, hints))


def as_hinted(value: object, hint: object) -> object:
    """Return plain data as a type hint has it: a tuple, where a list stands for one."""
    return tuple(value) if type(value) is list and get_origin(hint) is tuple else value


def in_words(hint: object) -> str:
    """Say what a type hint asks for."""
    origin, inner = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        return " or ".join(dict.fromkeys(in_words(each) for each in inner if _has_words(each)))
    if origin is Literal:
        return " or ".join(map(str, inner))
    if origin is tuple and inner[-1:] != (...,):
        return f"a list of {len(inner)} values, each {in_words(inner[0])}"
    if origin in (list, Sequence, tuple):
        return f"a list, each of which is {in_words(inner[0])}"
    return _WORDS.get(hint, "a set of settings")


def _has_words(hint: object) -> bool:
    return hint in _WORDS or get_origin(hint) is not None


_WORDS: dict[object, str] = {
    None: "null",
    type(None): "null",
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "text",
    Path: "a path",
}


def no_setting(path: str, name: str, takes: list[str]) -> str:
    """Answer to a setting that does not exist, with the one that was probably meant."""
    close = get_close_matches(name, takes, n=1)
    hint = f"did you mean {close[0]}?" if close else f"it takes {', '.join(sorted(takes))}"
    return f"{path} has no setting {name!r}; {hint}"

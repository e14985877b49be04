"""Refuse choices that are not in their config group; Hydra would answer with a traceback."""

import re
import sys
from collections.abc import Sequence
from difflib import get_close_matches

from mdn.app.paths import CONF

_NO_NAME = re.compile(r"|null|true|false|[-+.\d].*", re.IGNORECASE)
_NAME = re.compile(r"[A-Za-z_]\w*")


def check_choices(arguments: Sequence[str]) -> None:
    """End the command with one line if a choice is not in its group, before Hydra reads it.

    Choices that another directory of configurations may add are left to Hydra.
    """
    other_directories = any(
        argument.startswith(("--config-", "-c", "hydra.searchpath")) for argument in arguments
    )
    for argument in arguments:
        key, equals, choice = argument.partition("=")
        group = key.lstrip("+~")
        if not equals and not key.startswith("~"):
            continue  # a flag, or its value
        if group in _groups():
            _check_choice(group, argument, choice.split(","), other_directories)


def group_names() -> list[str]:
    """Return the names of the config groups."""
    return sorted(_groups())


def _check_choice(group: str, argument: str, choices: list[str], other_directories: bool) -> None:
    unknown = [each for each in choices if _NAME.fullmatch(each) and each not in choices_of(group)]
    wrong = [each for each in choices if _NO_NAME.fullmatch(each)] or (
        [] if other_directories else unknown
    )
    if wrong:
        sys.exit(f"error: {no_such_choice(group, wrong[0], argument)}")


def no_such_choice(group: str, choice: str, argument: str = "") -> str:
    """Say that a group does not have a choice, and what it has."""
    options = choices_of(group)
    close = get_close_matches(choice, options, n=1)
    hint = f"did you mean {close[0]}?" if close else "leave it out for the default"
    got = choice or argument or f"{group}="
    return f"{group} must be one of {', '.join(options)}, got {got}; {hint}"


def choices_of(group: str) -> list[str]:
    """Return the names of the choices of a config group."""
    return sorted(path.stem for path in (CONF / group).glob("*.yaml"))


def _groups() -> set[str]:
    return {path.relative_to(CONF).as_posix() for path in CONF.rglob("*") if path.is_dir()}

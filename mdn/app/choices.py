"""Reject choices that are not in their group; Hydra would answer with a traceback or a page."""

import re
import sys
from collections.abc import Sequence
from difflib import get_close_matches

from mdn.app.places import CONF

_NO_NAME = re.compile(r"|null|true|false|[-+.\d].*", re.IGNORECASE)
_NAME = re.compile(r"[A-Za-z_]\w*")


def check_choices(arguments: Sequence[str]) -> None:
    """End the command with one line where a choice is not one of its group, before Hydra reads it.

    What another directory of configurations may add is left to Hydra.
    """
    others = any(
        argument.startswith(("--config-", "-c", "hydra.searchpath")) for argument in arguments
    )
    for argument in arguments:
        key, equals, choice = argument.partition("=")
        group = key.lstrip("+~")
        if not equals and not key.startswith("~"):
            continue  # what a flag takes
        if group in _groups():
            _check_choice(group, argument, choice.split(","), others)


def group_names() -> list[str]:
    """Groups of choices."""
    return sorted(_groups())


def _check_choice(group: str, argument: str, choices: list[str], others: bool) -> None:
    unknown = [each for each in choices if _NAME.fullmatch(each) and each not in _options(group)]
    wrong = [each for each in choices if _NO_NAME.fullmatch(each)] or ([] if others else unknown)
    if wrong:
        sys.exit(f"error: {no_such_choice(group, wrong[0], argument)}")


def no_such_choice(group: str, choice: str, argument: str = "") -> str:
    """Answer to a choice that its group does not have."""
    there = _options(group)
    close = get_close_matches(choice, there, n=1)
    hint = f"did you mean {close[0]}?" if close else "leave it out for the default"
    got = choice or argument or f"{group}="
    return f"{group} must be one of {', '.join(there)}, got {got}; {hint}"


def _options(group: str) -> list[str]:
    return sorted(path.stem for path in (CONF / group).glob("*.yaml"))


def _groups() -> set[str]:
    return {path.relative_to(CONF).as_posix() for path in CONF.rglob("*") if path.is_dir()}

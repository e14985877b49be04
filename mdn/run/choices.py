"""A choice of a group is a name; to anything else Hydra has only a traceback to say."""

import re
import sys
from collections.abc import Iterable

from mdn.run.compose import CONF

_NO_NAME = re.compile(r"|null|true|false|[-+.\d].*", re.IGNORECASE)


def check_choices(arguments: Iterable[str]) -> None:
    """End the command with one line where a choice is no name, before Hydra reads it."""
    for argument in arguments:
        key, equals, choice = argument.partition("=")
        group = key.lstrip("+~")
        if not equals and not key.startswith("~"):
            continue  # what a flag takes
        wrong = [each for each in choice.split(",") if _NO_NAME.fullmatch(each)]
        if wrong and group in _groups():
            there = ", ".join(sorted(path.stem for path in (CONF / group).glob("*.yaml")))
            sys.exit(
                f"error: {group} must be one of {there}, got {wrong[0] or argument}; leave it out "
                "for the default"
            )


def _groups() -> set[str]:
    return {path.relative_to(CONF).as_posix() for path in CONF.rglob("*") if path.is_dir()}

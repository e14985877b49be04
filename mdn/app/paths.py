"""Paths of the configuration and the scripts: in the package, or beside it in a clone."""

from pathlib import Path

_PACKAGE = Path(__file__).parents[1]


def _home(name: str) -> Path:
    inside = _PACKAGE / name
    return inside if inside.is_dir() else _PACKAGE.parent / name


CONF = _home("conf")
SCRIPTS = _home("scripts")

COMMANDS = ("train", "evaluate", "predict", "export")
"""Names of the commands and of their scripts."""

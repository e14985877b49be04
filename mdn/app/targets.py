"""What a `_target_` may name, found by reading source code and never by importing it.

Hydra imports whatever a target names and follows attributes from there, so that a harmless prefix
leads anywhere a module's own imports lead. A target here is a module path that exists as a file,
and the name of a class that this file defines, or that a package hands on from within. Users may
name classes of their own: their command line is trusted.
"""

import ast
import importlib.util
import sys
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from mdn.app.errors import UserError

CLASSES = (
    "mdn.",
    "torch.optim.",
    "lightning.pytorch.callbacks.",
    "lightning.pytorch.loggers.",
    "lightning.pytorch.profilers.",
    "lightning.pytorch.strategies.",
    "lightning.pytorch.trainer.trainer.Trainer",
)
"""Where classes may come from; those of the standard library may not."""

FUNCTIONS = ("mdn.fitting.schedules.",)
"""Where functions may come from."""

REFUSED = ("mdn.app.",)


def check_targets(node: Any, path: str = "") -> None:
    """Refuse every target that is not one of these.

    Raises:
        UserError: with the key of the target and what it may be.
    """
    for key, value in node.items() if isinstance(node, dict) else enumerate(node):
        if key == "_target_" and not is_allowed(str(value)):
            raise UserError(
                f"{path}_target_ must name a class of {', '.join(CLASSES)}, a function of "
                f"{', '.join(FUNCTIONS)}, or one in a module of your own, on PYTHONPATH; got "
                f"{value!r}"
            )
        if isinstance(value, dict | list):
            check_targets(value, f"{path}{key}.")


def is_allowed(target: str) -> bool:
    """Tell whether a target is a class or a function that may be called."""
    if target.startswith(REFUSED):
        return False
    found = definition(target)
    if found is not None and isinstance(found.node, ast.ClassDef):
        return target.startswith(CLASSES) or _is_from_outside(target)
    return found is not None and (target.startswith(FUNCTIONS) or _is_from_outside(target))


def _is_from_outside(target: str) -> bool:
    ours = {name.partition(".")[0] for name in CLASSES}
    return target.partition(".")[0] not in ours | sys.stdlib_module_names


class Definition(NamedTuple):
    """A class or a function as it is written, and the module that it is written in."""

    node: ast.ClassDef | ast.FunctionDef
    module: str


@cache
def definition(target: str) -> Definition | None:
    """Return the class or function of a dotted name, if it is one and its package defines it."""
    module, _, name = target.rpartition(".")
    source = source_of(module)
    for node in ast.parse(source.read_text()).body if source else []:
        if isinstance(node, ast.ClassDef | ast.FunctionDef) and node.name == name:
            return Definition(node, module)
        if isinstance(node, ast.ImportFrom) and _hands_on(node, module, name):
            return definition(f"{node.module}.{name}")
    return None


def _hands_on(node: ast.ImportFrom, module: str, name: str) -> bool:
    """Whether a package imports a name from a module of its own."""
    inside = node.level == 0 and (node.module or "").startswith(f"{module}.")
    return inside and any(
        alias.name == name and alias.asname in (None, name) for alias in node.names
    )


def source_of(module: str) -> Path | None:
    """Return the file of a module, found without importing more than its package."""
    top, *inner = module.split(".")
    spec = importlib.util.find_spec(top) if top else None
    if spec is None or spec.origin is None:
        return None
    if not inner:
        return Path(spec.origin) if spec.origin.endswith(".py") else None
    base = Path(spec.origin).parent.joinpath(*inner)
    files = base / "__init__.py", base.with_suffix(".py")
    return next((file for file in files if file.is_file()), None)

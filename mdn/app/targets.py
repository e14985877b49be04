"""What a `_target_` may name, found by reading source code and never by importing it.

Hydra imports whatever a target names and follows attributes from there, so that a harmless prefix
leads anywhere a module's own imports lead. A target here is a module path that exists as a file,
and the name of a class that this file defines, or that a package hands on from within. Where a
part of the recipe stands, the user of a command line may name one of another package too.
"""

import ast
import importlib.util
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
"""Where classes may come from."""

FUNCTIONS = ("mdn.fitting.schedules.",)
"""Where functions may come from."""

PARTS = ("backbone", "family", "objective", "regularizer", "optimizer", "schedule")
"""Where a class or a function may come from anywhere; a checkpoint never names one by its path."""

REFUSED = ("mdn.app.",)


def check_targets(node: Any, path: str = "") -> None:
    """Refuse every target that is not one of these.

    Raises:
        UserError: with the key of the target and what it may be.
    """
    for key, value in node.items() if isinstance(node, dict) else enumerate(node):
        if key == "_target_" and not is_allowed(str(value), _is_part(path)):
            raise UserError(_refusal(path, value))
        if isinstance(value, dict | list):
            check_targets(value, f"{path}{key}.")


def _is_part(path: str) -> bool:
    return path.rstrip(".").rpartition(".")[2] in PARTS


def _refusal(path: str, value: Any) -> str:
    if _is_part(path) and not str(value).startswith(CLASSES):
        return (
            f"{path}_target_ must name a class or a function by its module, got {value!r}, which "
            "is not found; put the folder of its module on PYTHONPATH"
        )
    return (
        f"{path}_target_ must name a class of {', '.join(CLASSES)} or a function of "
        f"{', '.join(FUNCTIONS)}; got {value!r}"
    )


def is_allowed(target: str, anywhere: bool = False) -> bool:
    """Whether a target is a class or a function that may be called.

    Args:
        target: its dotted path.
        anywhere: whether it may be of another package than those of this project's own.
    """
    if target.startswith(REFUSED):
        return False
    found = definition(target)
    if anywhere and found is not None and not target.startswith("mdn."):
        return True
    if found is not None and isinstance(found.node, ast.ClassDef):
        return target.startswith(CLASSES)
    return found is not None and target.startswith(FUNCTIONS)


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
    base = Path(spec.origin).parent.joinpath(*inner)
    files = [base / "__init__.py", base.with_suffix(".py")] if inner else [Path(spec.origin)]
    return next((file for file in files if file.is_file()), None)

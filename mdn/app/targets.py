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
from typing import Any

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
    """Refuse every target that is not one of these, in a configuration or a checkpoint.

    Raises:
        UserError: with the key of the target and what it may be.
    """
    for key, value in node.items() if isinstance(node, dict) else enumerate(node):
        if key == "_target_" and not is_allowed(str(value)):
            raise UserError(
                f"{path}_target_ must name a class of {', '.join(CLASSES)}, a function of "
                f"{', '.join(FUNCTIONS)}, or a class in a module of your own, on PYTHONPATH; got "
                f"{value!r}"
            )
        if isinstance(value, dict | list):
            check_targets(value, f"{path}{key}.")


def is_allowed(target: str) -> bool:
    """Whether a target is a class or a function that may be called."""
    if target.startswith(REFUSED):
        return False
    found = definition(target)
    if isinstance(found, ast.ClassDef):
        return target.startswith(CLASSES) or _is_from_outside(target)
    return found is not None and target.startswith(FUNCTIONS)


def _is_from_outside(target: str) -> bool:
    ours = {name.partition(".")[0] for name in CLASSES}
    return target.partition(".")[0] not in ours | sys.stdlib_module_names


def parameters(target: str) -> frozenset[str]:
    """Names of the constructor's parameters; none where it has no constructor of its own."""
    found = definition(target)
    for method in found.body if isinstance(found, ast.ClassDef) else []:
        if isinstance(method, ast.FunctionDef) and method.name == "__init__":
            arguments = [*method.args.args, *method.args.kwonlyargs]
            return frozenset(argument.arg for argument in arguments[1:])
    return frozenset()


@cache
def definition(target: str) -> ast.ClassDef | ast.FunctionDef | None:
    """The class or function of a dotted name, if it is one and its package defines it."""
    module, _, name = target.rpartition(".")
    source = _source(module)
    for node in ast.parse(source.read_text()).body if source else []:
        if isinstance(node, ast.ClassDef | ast.FunctionDef) and node.name == name:
            return node
        if isinstance(node, ast.ImportFrom) and _hands_on(node, module, name):
            return definition(f"{node.module}.{name}")
    return None


def _hands_on(node: ast.ImportFrom, module: str, name: str) -> bool:
    """Whether a package imports a name from a module of its own."""
    inside = node.level == 0 and (node.module or "").startswith(f"{module}.")
    return inside and any(
        alias.name == name and alias.asname in (None, name) for alias in node.names
    )


def _source(module: str) -> Path | None:
    top, *inner = module.split(".")
    spec = importlib.util.find_spec(top) if top else None
    if spec is None or spec.origin is None:
        return None
    if not inner:
        return Path(spec.origin) if spec.origin.endswith(".py") else None
    base = Path(spec.origin).parent.joinpath(*inner)
    files = base / "__init__.py", base.with_suffix(".py")
    return next((file for file in files if file.is_file()), None)

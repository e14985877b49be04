"""What a `_target_` may name and what it takes, read from source code that is never imported.

Hydra imports whatever a target names and follows attributes from there, so that a harmless prefix
leads anywhere a module's own imports lead. A target here is a module path that exists as a file,
and the name of a class that this file defines, or that a package hands on from within. Users may
name classes of their own: their command line is trusted.

Types tell what a setting may be: after `depth: int | Auto`, `depth=deep` is a mistake. The
constructor checks ranges when it is called.
"""

import ast
import importlib.util
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import NamedTuple

from mdn.app.errors import UserError
from mdn.app.rule_kinds import Choice, Column, Columns, Flag, Number, Rule, Several, Text

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

_LISTS = ("Sequence", "list")


def check_target(target: str, path: str) -> None:
    """Refuse a target outside of these modules.

    Args:
        target: the dotted name.
        path: of the node that names it, with a dot at its end.

    Raises:
        UserError: with the key of the target and what it may be.
    """
    if not is_allowed(target):
        raise UserError(
            f"{path}_target_ must name a class of {', '.join(CLASSES)}, a function of "
            f"{', '.join(FUNCTIONS)}, or one in a module of your own, on PYTHONPATH; got "
            f"{target!r}"
        )


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
    """Tell whether a package imports a name from a module of its own."""
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


@dataclass(frozen=True)
class _Parameter:
    """A parameter as it is written, in a module whose names its type uses."""

    annotation: ast.expr | None
    module: str


@dataclass(frozen=True)
class _Several:
    """The type of a list: what each element is, and how many there are if that is fixed."""

    each: "_Types"
    count: int | None = None


@dataclass(frozen=True)
class _Types:
    """What a value may be: names of types, words, and lists."""

    names: frozenset[str]
    words: tuple[str | None, ...]
    lists: tuple[_Several, ...]


def settings(target: str) -> frozenset[str]:
    """Return the names of the settings that a class or a function takes."""
    return frozenset(_parameters(target))


@cache
def rule_by_type(target: str, name: str) -> Rule | None:
    """Return the rule of a setting; None where its type takes more than plain values."""
    parameter = _parameters(target).get(name)
    if parameter is None or parameter.annotation is None:
        return None
    return _rule(_types(parameter.annotation, parameter.module))


@cache
def _parameters(target: str) -> dict[str, _Parameter]:
    found = definition(target)
    if found is None:
        return {}
    if isinstance(found.node, ast.FunctionDef):
        return _arguments(found.node, found.module)
    for method in found.node.body:
        if isinstance(method, ast.FunctionDef) and method.name == "__init__":
            return dict(list(_arguments(method, found.module).items())[1:])
    return _fields(found) if _is_dataclass(found.node) else {}


def _arguments(function: ast.FunctionDef, module: str) -> dict[str, _Parameter]:
    arguments = [*function.args.args, *function.args.kwonlyargs]
    return {each.arg: _Parameter(each.annotation, module) for each in arguments}


def _is_dataclass(node: ast.ClassDef) -> bool:
    return any("dataclass" in ast.unparse(each) for each in node.decorator_list)


def _fields(found: Definition) -> dict[str, _Parameter]:
    """Return the fields of a dataclass, inherited ones first."""
    fields: dict[str, _Parameter] = {}
    assert isinstance(found.node, ast.ClassDef)
    for base in found.node.bases:
        base = base.value if isinstance(base, ast.Subscript) else base  # Family[DiagonalScale]
        where = _where(ast.unparse(base), found.module)
        fields |= _parameters(where) if where else {}
    for line in found.node.body:
        if isinstance(line, ast.AnnAssign) and "ClassVar" not in ast.unparse(line.annotation):
            fields[ast.unparse(line.target)] = _Parameter(line.annotation, found.module)
    return fields


def _where(name: str, module: str) -> str | None:
    """Return the dotted path behind a name in a module."""
    for line in _body(module):
        if isinstance(line, ast.ClassDef) and line.name == name:
            return f"{module}.{name}"
        if isinstance(line, ast.ImportFrom) and any(each.name == name for each in line.names):
            return f"{line.module}.{name}"
    return None


@cache
def _body(module: str) -> list[ast.stmt]:
    source = source_of(module)
    return ast.parse(source.read_text()).body if source else []


def _types(written: ast.expr, module: str) -> _Types:
    names, words, lists = set(), [], []
    for each in _alternatives(written):
        if isinstance(each, ast.Constant):
            words.append(None)
            continue
        found = _one(each, module)
        names |= found.names
        words += found.words
        lists += found.lists
    return _Types(frozenset(names), tuple(words), tuple(lists))


def _alternatives(written: ast.expr) -> Iterator[ast.expr]:
    if isinstance(written, ast.BinOp):
        yield from _alternatives(written.left)
        yield from _alternatives(written.right)
    else:
        yield written


def _one(written: ast.expr, module: str) -> _Types:
    if isinstance(written, ast.Subscript):
        return _generic(ast.unparse(written.value), written.slice, module)
    name = ast.unparse(written)
    alias = _alias(name, module)
    return alias or _Types(frozenset({name}), (), ())


def _generic(name: str, inner: ast.expr, module: str) -> _Types:
    elements = inner.elts if isinstance(inner, ast.Tuple) else [inner]
    if name == "Literal":
        words = tuple(str(ast.literal_eval(each)) for each in elements)
        return _Types(frozenset(), words, ())
    if name in _LISTS or (name == "tuple" and ast.unparse(elements[-1]) == "..."):
        return _Types(frozenset(), (), (_Several(_types(elements[0], module)),))
    if name == "tuple":
        several = _Several(_types(elements[0], module), len(elements))
        return _Types(frozenset(), (), (several,))
    return _Types(frozenset({name}), (), ())


def _alias(name: str, module: str) -> _Types | None:
    """Return the types behind a name such as `Auto`, if a module defines it as a type."""
    for line in _body(module):
        if isinstance(line, ast.Assign) and ast.unparse(line.targets[0]) == name:
            return _types(line.value, module)
        if isinstance(line, ast.ImportFrom) and any(each.name == name for each in line.names):
            inside = (line.module or "").startswith("mdn.")
            return _alias(name, line.module or "") if inside else None
    return None


def _rule(types: _Types) -> Rule | None:
    null = None in types.words
    if types.names >= {"str", "int"}:
        return Columns() if types.lists else Column(null)
    if types.lists:
        each = _rule(types.lists[0].each)
        count = types.lists[0].count
        ends = {} if count is None else {"least": count, "most": count}
        return each and Several(each, **{"least": 0, **ends}, single=bool(types.names))
    if types.names & {"int", "float"}:
        return Number(whole="float" not in types.names, words=types.words)
    if "bool" in types.names:
        return None if null else Flag(tuple(word for word in types.words if word is not None))
    if "str" in types.names:
        return Text("the path of a file" if "Path" in types.names else "text", null)
    return Choice(types.words) if types.words and not types.names else None

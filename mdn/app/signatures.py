"""What the settings of a class may be, by the types in its source, which is never imported.

A constructor says `depth: int | Auto`; from that follows that `depth=deep` is a mistake. What range
a number must lie in, the constructor says when it is called.
"""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from mdn.app.rule_kinds import Choice, Column, Columns, Flag, Number, Rule, Several, Text
from mdn.app.targets import Definition, definition, source_of

_LISTS = ("Sequence", "list")


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
    """Return the rule of a setting; None where its type is not one of plain values."""
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
    """Return the fields of a dataclass, those of the classes that it derives from first."""
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
    """Return the dotted path of what a module calls by a name."""
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
    """Return what a name stands for that a module gives a type, such as `Auto`."""
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
        return None if null else Flag()
    if "str" in types.names:
        return Text("the path of a file" if "Path" in types.names else "text", null)
    return Choice(types.words) if types.words and not types.names else None

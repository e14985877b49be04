"""Names that a file may use for parts of this program, and parts built from what it says of them.

A checkpoint comes from a stranger. It describes a part by plain data,

    {"kind": "full", "min_scale": 0.001, "factor": "covariance"}

and may name only what the running program has registered before it reads the file. Nothing is
imported, instantiated by a dotted name or interpolated. Every setting is held against the type
hint of the constructor before that is called; the constructor checks its range.

What role a part has, such as "family" or "backbone", is the key under which it stands.

In Python a part is what a program would write anyhow: a dataclass with its values, a class or a
function, or `functools.partial` of one with some of its arguments. `describe` says it in plain
data and `build` makes it again.
"""

import inspect
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from difflib import get_close_matches
from functools import cache, partial
from typing import Any, get_type_hints

import numpy as np

from mdn.model.plain import as_hinted, fits, in_words, no_setting

KIND = "kind"
"""The key of the name of a part."""

Description = dict[str, object]
"""What a file says of a part: its kind and its settings."""

Part = Callable[..., object]
"""A class or a function, whose arguments have type hints."""


class UnknownPart(ValueError):
    """A name that no part of the running program is registered under."""


@dataclass(frozen=True)
class Role:
    """What parts of one kind are for.

    Attributes:
        given: arguments of their constructors that the program gives, and no file.
        parts: what there is, by name.
    """

    given: frozenset[str] = frozenset()
    parts: dict[str, Part] = field(default_factory=dict)


ROLES: dict[str, Role] = {
    "backbone": Role(frozenset({"num_inputs"})),
    "column": Role(),
    "data": Role(),
    "encoding": Role(),
    "family": Role(),
    "model": Role(),
    "objective": Role(),
    "optimizer": Role(frozenset({"params"})),
    "problem": Role(),
    "recalibration": Role(),
    "regularizer": Role(),
    "schedule": Role(frozenset({"optimizer", "total_steps"})),
    "transform": Role(),
}
"""Everything that a file may name something of."""


def register(role: str, name: str, part: Part) -> None:
    """Let checkpoints name a part: `register("backbone", "periodic", Periodic)`.

    Args:
        role: a key of `ROLES`.
        name: what files call it.
        part: a class, or a function, whose arguments have type hints.

    Raises:
        ValueError: on an unknown role, what is no class or function, or a name that stands for
            another part already.
    """
    if not callable(part):
        raise ValueError(f"{role} {name!r} must be a class or a function, got {part!r:.100}")
    if role not in ROLES:
        raise ValueError(f"role must be one of {', '.join(ROLES)}, got {role!r}")
    known = ROLES[role].parts.setdefault(name, part)
    if known is not part:
        raise ValueError(f"{role} {name!r} is {known.__qualname__} already; choose another name")


def name_of(part: object) -> str | None:
    """Return the name of a registered part; None where it has none."""
    return next(
        (name for role in ROLES.values() for name, each in role.parts.items() if each is part), None
    )


def roles_of(part: object) -> list[str]:
    """Return the roles that a part is registered for; none of what does not tell its origin."""
    try:
        made_by, _ = _origin(part)
    except TypeError:
        return []
    return [name for name, role in ROLES.items() if made_by in role.parts.values()]


def describe(part: object) -> Description:
    """Return plain data that `build` makes a part from again, with all of its settings.

    A part that is not registered is called by its path; whoever reads the description has to
    register it under that name.

    Raises:
        TypeError: if it does not tell what it was made from.
    """
    made_by, settings = _origin(part)
    kind = name_of(made_by) or f"{made_by.__module__}.{made_by.__qualname__}"
    return {KIND: kind} | {name: plain(value) for name, value in settings.items()}


def settings(part: object) -> Mapping[str, object]:
    """Return the settings of a part, those that it leaves to its defaults too."""
    try:
        return _origin(part)[1]
    except TypeError:
        return {}


def settings_of(role: str, description: Description) -> frozenset[str]:
    """Return the names of the settings that a described part takes."""
    part, _ = _part(role, description, role)
    return frozenset(parameters(part)) - ROLES[role].given


def _origin(part: object) -> tuple[Part, Mapping[str, object]]:
    """Find what makes a part, and with which settings."""
    if is_dataclass(part) and not inspect.isclass(part):
        return type(part), {each.name: getattr(part, each.name) for each in fields(part)}
    if isinstance(part, partial) and not part.args:
        return part.func, _defaults(part.func) | part.keywords
    if inspect.isclass(part) or (inspect.isfunction(part) and part.__name__ != "<lambda>"):
        return part, _defaults(part)
    raise TypeError(
        "a part must be a dataclass, a class, a function, or functools.partial of one with named "
        f"arguments, so that a checkpoint can say how it is made; got {part!r:.100}"
    )


def _defaults(part: Part) -> Description:
    """Return the defaults of a part; those of torch's own optimizers are left to torch."""
    if part.__module__.startswith("torch."):
        return {}
    return {
        name: parameter.default
        for name, parameter in parameters(part).items()
        if parameter.default is not parameter.empty
    }


def plain(value: object) -> object:
    """Return plain data for a setting: parts described, lists for tuples, NumPy's numbers as ours.

    What a file holds is never passed through here: it has to be plain already.
    """
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    if is_dataclass(value) or callable(value):
        return describe(value)
    return value


def check(role: str, settings: object, path: str = "") -> None:
    """Refuse a description that does not fit the constructor of a registered part.

    Args:
        role: a key of `ROLES`.
        settings: plain data.
        path: what the settings are called in messages; the role where it is empty.

    Raises:
        ValueError: with the path of the setting, what it is and what it must be.
    """
    path = path or role
    part, named = _part(role, settings, path)
    takes = parameters(part)
    for name, value in named.items():
        if name not in takes or name in ROLES[role].given:
            raise ValueError(no_setting(path, name, [*takes.keys() - ROLES[role].given]))
        if name in ROLES and type(value) is dict:
            check(name, value, f"{path}.{name}")
        elif not fits(value, takes[name].annotation):
            wanted = in_words(takes[name].annotation)
            raise ValueError(f"{path}.{name} must be {wanted}, got {value!r:.100}")
    _check_complete(role, named, takes, path)


def build(role: str, settings: object, **given: object) -> Any:
    """Make a part from its description.

    Args:
        role: a key of `ROLES`.
        settings: plain data.
        given: what the program gives, `ROLES[role].given`; without it, what takes it is the answer.

    Raises:
        ValueError: as `check`, and as the constructor.
    """
    check(role, settings)
    return _build(role, settings, role, **given)


def _build(role: str, settings: object, path: str, **given: object) -> object:
    part, named = _part(role, settings, path)
    values = {
        name: _build(name, value, _inside(path, name))
        if name in ROLES and type(value) is dict
        else as_hinted(value, parameters(part)[name].annotation)
        for name, value in named.items()
    }
    if ROLES[role].given and not given:
        return partial(part, **values)
    try:
        return part(**values, **given)
    except ValueError as error:
        raise ValueError(with_path(path, str(error), parameters(part))) from None


def _inside(path: str, name: str) -> str:
    """Parts of a model are known by their roles alone."""
    return name if path == "model" else f"{path}.{name}"


def with_path(path: str, message: str, names: Collection[str]) -> str:
    """Put a path before a message that begins with the name of one of its settings."""
    return f"{path}.{message}" if message.partition(" ")[0] in names else message


def updated(role: str, part: object, settings: object) -> Any:
    """Make a part like another one, with some settings changed.

    Args:
        role: a key of `ROLES`.
        part: what has the settings that are not named.
        settings: plain data; a part of another kind needs only its name.

    Raises:
        ValueError: as `build`.
    """
    if isinstance(settings, str):
        settings = {KIND: settings}
    if isinstance(settings, Mapping):
        before = {} if isinstance(part, int | float | None) else describe(part)
        same = settings.get(KIND, before.get(KIND)) == before.get(KIND)
        settings = (before if same else {}) | {key: plain(each) for key, each in settings.items()}
    return build(role, settings)


def _part(role: str, settings: object, path: str) -> tuple[Part, Description]:
    """Find the part that a description names, and the settings beside the name."""
    if type(settings) is not dict or type(settings.get(KIND)) is not str:
        raise ValueError(f"{path} must be settings with a {KIND!r}, got {settings!r:.100}")
    kind, parts = settings[KIND], ROLES[role].parts
    if kind not in parts:
        close = get_close_matches(kind[:100], parts, n=1)
        hint = f"; did you mean {close[0]}?" if close else ""
        raise UnknownPart(
            f"{path} is {kind!r:.100}, which this program does not know as a {role}; it knows "
            f"{', '.join(parts)}, and this one after mdn.register({role!r}, {kind!r:.100}, part)"
            f"{hint}"
        )
    return parts[kind], {name: value for name, value in settings.items() if name != KIND}


@cache
def parameters(part: Part) -> dict[str, inspect.Parameter]:
    """Return the arguments of a part by name, with resolved type hints."""
    hints = get_type_hints(part.__init__ if inspect.isclass(part) else part)
    return {
        name: parameter.replace(annotation=hints.get(name, object))
        for name, parameter in inspect.signature(part).parameters.items()
    }


def _check_complete(
    role: str, named: Description, takes: dict[str, inspect.Parameter], path: str
) -> None:
    missing = [
        name
        for name, parameter in takes.items()
        if parameter.default is parameter.empty and name not in {*named, *ROLES[role].given}
    ]
    if missing:
        raise ValueError(f"{path} lacks {', '.join(missing)}")

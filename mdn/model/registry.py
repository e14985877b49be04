"""Names that a file may use for parts of this program, and parts built from what it says of them.

A checkpoint comes from a stranger. It describes a part by plain data,

    {"kind": "full", "min_scale": 0.001, "factor": "covariance"}

and may name only what the running program has registered before it reads the file. Nothing is
imported, instantiated by a dotted name or interpolated. Every setting is held against the type
hint of the constructor before that is called; the constructor checks its range.

What role a part has, such as "family" or "backbone", is the key under which it stands.
"""

import inspect
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from typing import Any, get_type_hints

from mdn.model.plain import fits, in_words

KIND = "kind"
"""The key of the name of a part."""


@dataclass(frozen=True)
class Role:
    """What parts of one kind are for.

    Attributes:
        given: arguments of their constructors that the program gives, and no file.
        parts: what there is, by name.
    """

    given: frozenset[str]
    parts: dict[str, Callable[..., Any]] = field(default_factory=dict)


ROLES: dict[str, Role] = {
    "backbone": Role(frozenset({"num_inputs"})),
    "data": Role(frozenset()),
    "family": Role(frozenset()),
    "model": Role(frozenset({"num_inputs", "num_targets"})),
    "objective": Role(frozenset()),
    "optimizer": Role(frozenset({"params"})),
    "problem": Role(frozenset()),
    "regularizer": Role(frozenset()),
    "schedule": Role(frozenset({"optimizer", "total_steps"})),
}
"""Everything that a file may name something of."""


def register(role: str, name: str, part: Callable[..., Any]) -> None:
    """Let checkpoints name a part: `register("backbone", "periodic", Periodic)`.

    Args:
        role: a key of `ROLES`.
        name: what files call it.
        part: a class, or a function, whose arguments have type hints.

    Raises:
        ValueError: on an unknown role, or a name that stands for another part already.
    """
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
            raise ValueError(f"{path} has no setting {name!r}; it takes {', '.join(takes)}")
        if name in ROLES and type(value) is dict:
            check(name, value, f"{path}.{name}")
        elif not fits(value, takes[name].annotation):
            wanted = in_words(takes[name].annotation)
            raise ValueError(f"{path}.{name} must be {wanted}, got {value!r:.100}")
    _check_complete(role, named, takes, path)


def build(role: str, settings: object, **given: Any) -> Any:
    """Make a part from its description.

    Args:
        role: a key of `ROLES`.
        settings: plain data.
        given: what the program gives, `ROLES[role].given`.

    Raises:
        ValueError: as `check`, and as the constructor.
    """
    check(role, settings)
    return _build(role, settings, **given)


def _build(role: str, settings: object, **given: Any) -> Any:
    part, named = _part(role, settings, role)
    values = {
        name: _build(name, value) if name in ROLES and type(value) is dict else value
        for name, value in named.items()
    }
    return part(**values, **given)


def _part(role: str, settings: object, path: str) -> tuple[Callable[..., Any], dict[str, Any]]:
    """Find the part that a description names, and the settings beside the name."""
    if type(settings) is not dict or type(settings.get(KIND)) is not str:
        raise ValueError(f"{path} must be settings with a {KIND!r}, got {settings!r:.100}")
    kind, parts = settings[KIND], ROLES[role].parts
    if kind not in parts:
        raise ValueError(
            f"{path} is {kind!r:.100}, which this program does not know as a {role}; it knows "
            f"{', '.join(parts)}, and others after mdn.model.registry.register({role!r}, "
            "name, part)"
        )
    return parts[kind], {name: value for name, value in settings.items() if name != KIND}


@cache
def parameters(part: Callable[..., Any]) -> dict[str, inspect.Parameter]:
    """Return the arguments of a part by name, with resolved type hints."""
    hints = get_type_hints(part.__init__ if inspect.isclass(part) else part)
    return {
        name: parameter.replace(annotation=hints.get(name, Any))
        for name, parameter in inspect.signature(part).parameters.items()
    }


def _check_complete(
    role: str, named: dict[str, Any], takes: dict[str, inspect.Parameter], path: str
) -> None:
    missing = [
        name
        for name, parameter in takes.items()
        if parameter.default is parameter.empty and name not in {*named, *ROLES[role].given}
    ]
    if missing:
        raise ValueError(f"{path} lacks {', '.join(missing)}")

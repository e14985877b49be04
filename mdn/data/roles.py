"""Which columns of a file or a frame are meant, and what each is to a model."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from fnmatch import fnmatchcase

from mdn.data.faults import Faults
from mdn.data.readers.columns import Columns
from mdn.data.splits.settings import SplitBy
from mdn.data.table import ColumnKeys

_EXPRESSION = "re:"
"""What a regular expression begins with."""


@dataclass(frozen=True)
class Roles:
    """Names of the columns that a model is about, by what they are to it.

    Attributes:
        inputs: names.
        targets: names.
        weight: a name, or None.
        wanted: inputs that someone has named one by one.
    """

    inputs: list[str]
    targets: list[str]
    weight: str | None
    wanted: frozenset[str] = field(default_factory=frozenset)

    @property
    def names(self) -> list[str]:
        """All of these names."""
        return [*self.inputs, *self.targets, *([] if self.weight is None else [self.weight])]


def assign_roles(
    columns: Columns,
    targets: ColumnKeys,
    inputs: ColumnKeys | None,
    weight: str | int | None,
    exclude: ColumnKeys = (),
) -> Roles:
    """Find the columns that are meant; without `inputs` all the rest are inputs.

    Args:
        columns: the columns.
        targets: by name or position, as a pattern "temp_*", or as a regular expression "re:...".
        inputs: as targets; None for all the rest.
        weight: a name or a position, or None.
        exclude: as targets; these are no inputs.

    Raises:
        ValueError: with every column that is not there, or is named twice.
    """
    faults, found = Faults(), {}
    keys = {"targets": targets, "inputs": [] if inputs is None else inputs, "exclude": exclude}
    for role, names in keys.items():
        found[role] = _matches(columns, names, faults)
    weights = _matches(columns, [] if weight is None else [weight], faults)
    faults.check()
    if not found["targets"]:
        raise ValueError(f"`targets` names no column; choose from {_listed(columns.names)}")
    taken = {match.name for match in [*found["targets"], *weights, *found["exclude"]]}
    if inputs is None:
        names = [name for name in columns.names if name not in taken]
    else:
        names = [match.name for match in found["inputs"] if match.exact or match.name not in taken]
    target_names = [match.name for match in found["targets"]]
    weight_names = [match.name for match in weights]
    _check_once(columns, names + target_names + weight_names)
    wanted = frozenset(match.name for match in found["inputs"] if match.exact)
    return Roles(names, target_names, weight_names[0] if weights else None, wanted)


def named_split(
    columns: Columns, by: SplitBy, exclude: ColumnKeys
) -> tuple[SplitBy, list[str | int]]:
    """Return a split by names of columns, and what is no input with it.

    A column that names the part or the group of a row is no input unless it is named as one.

    Raises:
        ValueError: with each column that is not there.
    """
    names = {key: find_columns(columns, key)[0] for key in by.columns}
    named = replace(
        by,
        part=None if by.part is None else names[by.part],
        groups=tuple(names[key] for key in by.groups),
        time=None if by.time is None else names[by.time],
    )
    others = [exclude] if isinstance(exclude, str | int) else list(exclude)
    return named, [*others, *named.no_inputs]


def names_to_read(roles: Roles, by: SplitBy) -> list[str]:
    """Return the columns of a table and of its split, each once."""
    return list(dict.fromkeys([*roles.names, *map(str, by.columns)]))


def find_columns(columns: Columns, keys: ColumnKeys) -> list[str]:
    """Find the names of columns.

    Raises:
        ValueError: with each that is not there.
    """
    faults = Faults()
    found = _matches(columns, keys, faults)
    faults.check()
    return [match.name for match in found]


@dataclass(frozen=True)
class _Match:
    """A column, and whether its own name or position led to it."""

    name: str
    exact: bool


def _matches(columns: Columns, keys: ColumnKeys, faults: Faults) -> list[_Match]:
    found: list[_Match] = []
    absent: list[str | int] = []
    known = frozenset(columns.names)
    for key in [keys] if isinstance(keys, str | int) else keys:
        with faults.collected():
            new = _find(columns, known, key)
            found += [each for each in new if each.exact or each not in found]
            absent += [] if new else [key]
    with faults.collected():
        _check_none_absent(columns, absent)
    return found


def _find(columns: Columns, known: frozenset[str], key: str | int) -> list[_Match]:
    names = columns.names
    if isinstance(key, int) and -len(names) <= key < len(names):
        return [_Match(_with_name(columns, key), True)]
    if isinstance(key, str) and key in known:
        return [_Match(_with_name(columns, names.index(key)), True)]
    return [_Match(name, False) for name in _by_pattern(names, str(key))]


def _by_pattern(names: Sequence[str], pattern: str) -> list[str]:
    if pattern.startswith(_EXPRESSION):
        return _by_expression(names, pattern.removeprefix(_EXPRESSION))
    return [name for name in names if fnmatchcase(name, pattern)]


def _by_expression(names: Sequence[str], written: str) -> list[str]:
    try:
        expression = re.compile(written)
    except re.error as error:
        raise ValueError(f"{written!r} is no regular expression: {error}; mend it") from None
    return [name for name in names if expression.fullmatch(name)]


def _check_none_absent(columns: Columns, keys: Sequence[str | int]) -> None:
    if keys:
        named = ", ".join(_with_hint(columns.names, key) for key in keys)
        noun = "column" if len(keys) == 1 else "columns"
        raise ValueError(f"{columns.source} has no {noun} {named}; it has {_listed(columns.names)}")


def _with_hint(names: Sequence[str], key: str | int) -> str:
    close = get_close_matches(str(key), names, n=1)
    return f"{key!r} (did you mean {close[0]!r}?)" if close else repr(key)


def _with_name(columns: Columns, position: int) -> str:
    name = columns.names[position]
    if not name:
        raise ValueError(
            f"{columns.source}: column {columns.names.index(name) + 1} has no name; name it, or "
            "name the inputs that are wanted"
        )
    return name


def _listed(names: Sequence[str]) -> str:
    shown = [repr(name) for name in names]
    return ", ".join(shown[:20]) + (f" and {len(shown) - 20} more" if len(shown) > 20 else "")


def _check_once(columns: Columns, names: Sequence[str]) -> None:
    twice = (
        [name for i, name in enumerate(names) if name in set(names[:i])]
        if (len(set(names)) < len(names))
        else []
    )
    if twice:
        raise ValueError(
            f"{columns.source}: column {twice[0]!r} is asked for twice; a target cannot be an "
            "input or a weight too"
        )

"""Names of targets: checked once, looked up with a hint, and compared where mixtures meet."""

from collections.abc import Iterable, Sequence
from difflib import get_close_matches

Names = tuple[str, ...] | None
"""One name for each target, in order, or none at all."""


def check_names(names: object, num_targets: int) -> None:
    """Refuse names that are not one different text for each target.

    Raises:
        TypeError: on anything but a tuple of text.
        ValueError: on another number of names than of targets, and on a name that is there twice.
    """
    if not isinstance(names, tuple) or not all(isinstance(name, str) for name in names):
        raise TypeError(f"target_names takes a tuple of text, got {names!r}")
    if len(names) != num_targets:
        raise ValueError(
            f"target_names takes one name for each of {num_targets} targets, got {len(names)}: "
            f"{list(names)}"
        )
    if len(set(names)) < len(names):
        raise ValueError(f"target_names must be different, got {list(names)}")


def positions(wanted: Sequence[str], names: Sequence[str]) -> list[int]:
    """Find targets by their names.

    Raises:
        ValueError: on a name that no target has.
    """
    unknown = [name for name in wanted if name not in names]
    if unknown:
        raise ValueError(
            f"there is no target {unknown[0]!r}; the targets are {list(names)}"
            + hint(unknown[0], names)
        )
    return [names.index(name) for name in wanted]


def hint(name: str, known: Iterable[object]) -> str:
    """Ask whether a similar known name was meant; empty where none is similar."""
    close = get_close_matches(name, [each for each in known if isinstance(each, str)], n=1)
    return f" (did you mean {close[0]!r}?)" if close else ""


def chosen(names: Names, dims: Sequence[int]) -> Names:
    """Return the names of some targets, where there are names."""
    return None if names is None else tuple(names[d] for d in dims)


def agreed(each: Iterable[Names]) -> Names:
    """Return the names that mixtures share; one without names takes those of the others.

    Raises:
        ValueError: on mixtures whose names, or the order of them, differ.
    """
    different = list(dict.fromkeys(names for names in each if names is not None))
    if len(different) > 1:
        first, other = (list(names) for names in different[:2])
        raise ValueError(
            f"mixtures of the targets {first} and {other} do not belong together"
            + (f"; take marginal({first}) first" if set(first) == set(other) else "")
        )
    return different[0] if different else None

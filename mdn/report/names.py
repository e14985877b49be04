"""What scores are called in `metrics.json`."""

from collections.abc import Sequence

PREFIX = "test/"


def score_keys(name: str, targets: Sequence[str]) -> list[str]:
    """The keys of a score that every target has: the target's name at the end of several."""
    if len(targets) == 1:
        return [PREFIX + name]
    return [f"{PREFIX}{name}/{target}" for target in targets]


def percent(level: float) -> str:
    """A level in a name: 95 for 0.95."""
    return f"{100 * level:g}"


def printable(text: str) -> str:
    """Write out the signs of a text that would do something to a terminal."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)

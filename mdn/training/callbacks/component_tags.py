"""Tags of a log that holds one number for each component, written and read back."""

from collections.abc import Callable, Iterable
from statistics import median

MOST = 20
"""Components up to which each has a tag of its own."""

SUMMARIES: dict[str, Callable[[list[float]], float]] = {"min": min, "median": median, "max": max}
"""The summaries that stand for all components where there are more."""


def component_tags(tag: str, values: list[float]) -> dict[str, float]:
    """Return `<tag>/<k>` for component k, or `<tag>/min`, `median` and `max` of more than 20."""
    if len(values) <= MOST:
        return {f"{tag}/{k}": value for k, value in enumerate(values)}
    return {f"{tag}/{name}": summary(values) for name, summary in SUMMARIES.items()}


def component_names(tag: str, logged: Iterable[str]) -> list[str]:
    """List the ends of the tags of `component_tags` in a log, in order; maybe none."""
    ends = {other.removeprefix(f"{tag}/") for other in logged if other.startswith(f"{tag}/")}
    numbers = sorted((end for end in ends if end.isdigit()), key=int)
    return numbers or [name for name in SUMMARIES if name in ends]

"""One number of each component, under as many tags of a log as anybody reads."""

from statistics import median

MOST = 20
"""Components up to which each has a tag of its own."""


def component_tags(tag: str, values: list[float]) -> dict[str, float]:
    """`<tag>/<k>` for component k; of more than 20 `<tag>/min`, `<tag>/median` and `<tag>/max`."""
    if len(values) <= MOST:
        return {f"{tag}/{k}": value for k, value in enumerate(values)}
    return {
        f"{tag}/min": min(values),
        f"{tag}/median": median(values),
        f"{tag}/max": max(values),
    }

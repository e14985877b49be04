"""Names of scores in `metrics.json`."""

from collections.abc import Mapping, Sequence

from torch import Tensor

PREFIX = "test/"


def score_keys(name: str, targets: Sequence[str], prefix: str = PREFIX) -> list[str]:
    """Return the key of a score for each target; with several, it ends in the target's name."""
    if len(targets) == 1:
        return [prefix + name]
    return [f"{prefix}{name}/{target}" for target in targets]


def flat_scores(
    values: Mapping[str, Tensor], targets: Sequence[str], prefix: str = PREFIX
) -> dict[str, float]:
    """Return scores by their keys; a score is one number, or a number for each target."""
    flat = {}
    for name, value in values.items():
        keys = score_keys(name, targets, prefix) if value.ndim else [prefix + name]
        flat |= dict(zip(keys, value.flatten().tolist(), strict=True))
    return flat


def percent(level: float) -> str:
    """Write a level as part of a name: 95 for 0.95."""
    return f"{100 * level:g}"

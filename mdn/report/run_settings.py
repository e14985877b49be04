"""The settings of a run as names and words."""

from collections.abc import Iterator, Mapping

from mdn.model.card import ModelCard


def run_settings(
    card: ModelCard, fit: Mapping[str, object], adjustments: Mapping[str, str]
) -> dict[str, str]:
    """Return the columns, model and data of a model, followed by facts about its fit.

    Args:
        card: of the model.
        fit: facts about its fit.
        adjustments: what is done to its mixtures after the head, in words.
    """
    chosen = {
        "inputs": card.inputs,
        "targets": card.targets,
        "model": card.model,
        "data": card.data,
    }
    return {key: _words(value) for key, value in flat({**chosen, **fit, **adjustments})}


def flat(node: Mapping[str, object], path: str = "") -> Iterator[tuple[str, object]]:
    """Yield every setting of a tree of settings, named by its dotted path."""
    for key, value in node.items():
        if isinstance(value, dict):
            yield from flat(value, f"{path}{key}.")
        else:
            yield f"{path}{key}", value


def _words(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(str(item) for item in value) or "none"
    return f"{value:.6g}" if isinstance(value, float) else str(value)

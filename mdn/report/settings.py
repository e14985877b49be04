"""What a run was asked to do, as names and words."""

from collections.abc import Iterator, Mapping
from typing import Any

from mdn.model.card import ModelCard


def settings(card: ModelCard, fit: Mapping[str, Any]) -> dict[str, str]:
    """Columns, model and data of a model, then what there is to say of its fit."""
    asked = {key: getattr(card, key) for key in ("inputs", "targets", "model", "data")}
    return {key: _words(value) for key, value in flat({**asked, **fit})}


def flat(node: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, Any]]:
    """Every setting of a tree of them, named by its path with dots."""
    for key, value in node.items():
        if isinstance(value, dict):
            yield from flat(value, f"{path}{key}.")
        else:
            yield f"{path}{key}", value


def _words(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(str(item) for item in value) or "none"
    return f"{value:.6g}" if isinstance(value, float) else str(value)

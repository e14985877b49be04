"""How the columns of a user become x [rows, P] of an exported model, in words for other programs.

A graph that takes x knows no text and no dates: a file beside it says by which numbers they are
replaced. A missing value is NaN in all columns.
"""

import json
from functools import singledispatch

from mdn.model.card import ModelCard
from mdn.model.registry import describe
from mdn.networks.kinds import Category, Kind, Time

ENDING = ".columns.json"
"""What follows the name of an exported file in the name of the file that describes its columns."""


def columns_json(card: ModelCard) -> str:
    """Return what a program needs to know to make x, and to name the targets, as JSON."""
    columns = [
        {"name": name, "kind": describe(kind)["kind"]} | _codes(kind)
        for name, kind in zip(card.inputs, card.fitted_kinds, strict=True)
    ]
    described = {
        "inputs": columns,
        "missing": "NaN",
        "targets": card.targets,
        "transforms": card.transforms,
    }
    return json.dumps(described, indent=1, ensure_ascii=False) + "\n"


@singledispatch
def _codes(kind: Kind) -> dict[str, object]:
    return {}


@_codes.register
def _time_codes(kind: Time) -> dict[str, object]:
    return {"unit": "seconds since 1970-01-01T00:00:00Z"}


@_codes.register
def _category_codes(kind: Category) -> dict[str, object]:
    return {"levels": list(kind.levels), "any_other_level": len(kind.levels)}

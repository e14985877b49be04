"""What a model says of itself: its columns, its mixture, and how it was trained."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from functools import singledispatch

from mdn.distributions.overview import Overview, count, listed, short
from mdn.model import registry
from mdn.model.adjustments import in_words
from mdn.model.card import ModelCard
from mdn.model.model import Model
from mdn.networks.kinds import Boolean, Category, Kind, Time, kind_word

_MOST_INPUTS, _MOST_LEVELS = 12, 4

_PARTS = ("backbone", "objective", "optimizer")
"""Parts of a recipe that are named."""


def model_overview(model: Model) -> Overview:
    """Return a model in a few lines."""
    card = model.card
    given = f" given {count(len(card.inputs), 'input')}" if card.inputs else ", without inputs"
    rows = [
        [short(name), kind_word(kind), _gaps(kind), _known(kind, ends)]
        for name, kind, ends in _inputs(card)
    ]
    left = len(card.inputs) - len(rows)
    return Overview(
        f"Model of {listed(card.targets)}{given}",
        dict(_facts(model)),
        ["input", "kind", "gaps", "in training"],
        rows,
        f"... and {count(left, 'more input')}" if left > 0 else "",
        text_columns=4,
    )


def _inputs(card: ModelCard) -> Iterator[tuple[str, Kind, Sequence[float]]]:
    ranges = card.ranges or [[]] * len(card.inputs)
    yield from list(zip(card.inputs, card.fitted_kinds, ranges, strict=True))[:_MOST_INPUTS]


def _facts(model: Model) -> Iterator[tuple[str, str]]:
    card, head = model.card, model.network.head
    if model.targets.transforms:
        pairs = zip(model.targets.transforms, card.targets, strict=True)
        yield "learned as", listed([transform.label(name) for transform, name in pairs])
    each = count(head.num_components, "component")
    if model.num_members > 1:
        yield "ensemble", f"{model.num_members:,} networks of {each}, {model.num_learned:,} in all"
    else:
        yield "mixture", each
    yield "family", _family(model)
    yield from _adjustments(model)
    numbers = sum(parameter.numel() for parameter in model.parameters())
    dtype = str(model.dtype).removeprefix("torch.")
    yield "parameters", f"{numbers:,}, {dtype} on {model.device}"
    yield "recipe", _recipe(card.model)
    if card.rows:
        sizes = [f"{part} {values[0]:,.0f}" for part, values in card.rows.items() if values]
        yield "rows", listed(sizes)


def _family(model: Model) -> str:
    word = registry.name_of(type(model.family)) or type(model.family).__name__
    return f"{word}, floor {model.family.min_scale} of a standardized target"


def _adjustments(model: Model) -> Iterator[tuple[str, str]]:
    yield from in_words(model.card, model.targets.factor.tolist()).items()
    if model.card.rare_components:
        yield "rare", f"narrow components added after training: {model.card.rare_components}"
    if model.card.grid:
        steps = [f"{name} to {step:g}" for name, step in model.card.grid.items()]
        yield "rounded", listed(steps)


def _recipe(recipe: dict[str, object]) -> str:
    if not recipe:
        return "not known"
    parts = {role: recipe.get(role) for role in _PARTS}
    named = [
        f"{role} {part[registry.KIND]}"
        for role, part in parts.items()
        if isinstance(part, dict) and registry.KIND in part
    ]
    epochs = recipe.get("max_epochs")
    limit = [f"at most {epochs} epochs"] if isinstance(epochs, int) else []
    return listed([str(recipe.get(registry.KIND)), *named, *limit])


def _gaps(kind: Kind) -> str:
    return "yes" if kind.missing else ""


@singledispatch
def _known(kind: Kind, ends: Sequence[float]) -> str:
    """Say which values of an input the training rows had."""
    return f"{ends[0]:.6g} to {ends[1]:.6g}" if len(ends) == 2 else ""


@_known.register
def _truth(kind: Boolean, ends: Sequence[float]) -> str:
    return ""


@_known.register
def _moments(kind: Time, ends: Sequence[float]) -> str:
    return " to ".join(map(_moment, ends))


@_known.register
def _levels(kind: Category, ends: Sequence[float]) -> str:
    return listed(kind.levels, _MOST_LEVELS) + (", others" if kind.other else "")


def _moment(seconds: float) -> str:
    try:
        return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d}"
    except (ValueError, OverflowError, OSError):
        return f"{seconds:.6g} s"

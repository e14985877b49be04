"""The default recipe, by `mdn.fit`, with other settings where they are asked for."""

import warnings
from collections.abc import Mapping, Sequence

import torch
import yaml

from benchmarks.public.contenders.prediction import Machine, Prediction, stopwatch
from benchmarks.public.split import Split
from mdn.data.kinds.coding import recoded
from mdn.model.card import ModelCard
from mdn.training.fit import fit

_OF_COLUMNS = {"inputs", "targets", "kinds", "formats", "ranges", "rows", "data", "grid", "model"}
"""What a card says of the columns and not of choices; the recipe is told apart."""


def predictions(settings: Sequence[str], split: Split, machine: Machine) -> Prediction:
    """Return the densities of the test rows.

    Args:
        settings: of the recipe that are not to have their defaults, as in "guard=0.01".
        split: the rows.
        machine: what may be used.
    """
    recipe = {"seed": split.seed} | dict(read_setting(text) for text in settings)
    with warnings.catch_warnings(), stopwatch() as seconds:
        warnings.simplefilter("ignore", UserWarning)  # remarks on the rows
        model = fit(recipe, split.train, trainer={"accelerator": machine.device})
    with torch.no_grad():
        mixture = model(recoded(split.test, model.card.fitted_kinds).x)
    return Prediction(mixture, seconds[0], chosen(model.card))


def read_setting(text: str) -> tuple[str, object]:
    """Return the name and the value of "name=value", the value as YAML has it."""
    name, _, value = text.partition("=")
    return name, yaml.safe_load(value)


def chosen(card: ModelCard) -> Mapping[str, object]:
    """Return what a card says of choices, and the plain numbers of the recipe."""
    plain = {name: value for name, value in card.plain().items() if name not in _OF_COLUMNS}
    recipe = {name: value for name, value in card.model.items() if isinstance(value, int | float)}
    return plain | {"recipe": recipe}

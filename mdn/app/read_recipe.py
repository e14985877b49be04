"""Read a recipe from a checked configuration.

The configuration has a place for each setting of a recipe: most stand among the settings of the
model, `PLACES` tells where the others do.
"""

from collections.abc import Collection

import torch
from hydra.utils import get_object
from torch import nn
from torch.optim import SGD

from mdn.app.keys_in_messages import KEYS
from mdn.app.node import Node
from mdn.model import registry
from mdn.model.registry import KIND, name_of
from mdn.training.base_recipe import BaseRecipe
from mdn.training.choose import RECALIBRATION

PLACES = {
    "batch_size": "data.batch_size",
    "val_fraction": "data.val_fraction",
    "dequantize": "data.dequantize",
    "max_epochs": "trainer.max_epochs",
    "patience": "callbacks.early_stopping.patience",
    "seed": "seed",
}
"""Where settings of a recipe stand that are not among those of the model."""

_FOR_HYDRA = ("_target_", "_partial_", "_convert_", "_recursive_")
"""Keys of a configuration that tell Hydra how to instantiate a node."""


def read_recipe(config: Node) -> BaseRecipe:
    """Return the recipe of a checked configuration.

    Raises:
        ValueError: if a setting is out of range.
    """
    model = described(config["model"])
    takes = registry.parameters(get_object(config["model"]["_target_"]))
    elsewhere = {
        name: value
        for name, value in _found_elsewhere(config).items()
        if name in takes and name not in model
    }
    _try_parts(model)
    try:
        return registry.build("model", elsewhere | model)
    except ValueError as error:
        raise ValueError(_in_its_place(str(error), elsewhere)) from None


def described(node: Node, role: str = "") -> Node:
    """Return settings as a checkpoint holds them: each part by its name, where Hydra has a class.

    A part from outside, which its user names on the command line, is registered under its path
    for this run. Whoever loads the checkpoint in another program has to do the same there.
    """
    settings = {key: _described(each, key) for key, each in node.items() if key not in _FOR_HYDRA}
    if "_target_" not in node:
        return settings
    return {KIND: _registered(role, node["_target_"]), **settings}


def _described(value: object, role: str) -> object:
    if isinstance(value, list):
        return [_described(each, "") for each in value]
    return described(value, role) if isinstance(value, dict) else value


def _registered(role: str, target: str) -> str:
    part = get_object(target)
    if name_of(part) is None:
        registry.register(role, target, part)
    return name_of(part) or target


def _found_elsewhere(config: Node) -> Node:
    found = {name: _at(config, place) for name, place in PLACES.items()}
    if config["recalibrate"]:
        found["recalibration"] = registry.describe(RECALIBRATION)
    # Without early stopping there is no patience; without another setting, its default holds.
    return {name: value for name, value in found.items() if value is not None or name == "patience"}


def _at(config: object, place: str) -> object:
    """Return what stands at a dotted place, or None where nothing does."""
    for key in place.split("."):
        config = config.get(key) if isinstance(config, dict) else None
    return config


def _in_its_place(message: str, elsewhere: Collection[str]) -> str:
    """Begin a message with the key of the setting that it begins with."""
    first = message.partition(" ")[0]
    name = first.removeprefix("model.")
    place = PLACES.get(name, first) if name in elsewhere else KEYS.get(first, first)
    return f"{place}{message.removeprefix(first)}"


def _try_parts(model: Node) -> None:
    """Have the constructors of parts that are built later refuse what is out of range."""
    backbone, schedule = model.get("backbone"), model.get("schedule")
    with torch.device("meta"):
        if backbone:
            is_open = registry.settings(registry.build("backbone", backbone)).get("depth") == "auto"
            some_depth = {"depth": 1} if is_open else {}
            registry.build("backbone", backbone | some_depth, num_inputs=1)
        if schedule:
            optimizer = SGD([nn.Parameter(torch.empty(1))], lr=0.0)
            registry.build("schedule", schedule, optimizer=optimizer, total_steps=1)

"""A training run as it was configured: a typed recipe, and what is around it.

The configuration has a place for each setting of a recipe, `place` tells which; most of them are
those of the model.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.optim import SGD

from mdn.app.build_lightning import build_callback, described, num_processes, with_absolute_paths
from mdn.app.node import Node
from mdn.model import registry
from mdn.model.card import ModelCard
from mdn.training.base_recipe import BaseRecipe
from mdn.training.choose import RECALIBRATION
from mdn.training.datamodule import TableModule
from mdn.training.fit import card_of, resolve

PLACES = {
    "batch_size": "data.batch_size",
    "val_fraction": "data.val_fraction",
    "dequantize": "data.dequantize",
    "max_epochs": "trainer.max_epochs",
    "patience": "callbacks.early_stopping.patience",
    "seed": "seed",
}
"""Where settings of a recipe stand that are not among those of the model."""

_TAKEN = ("trainer", "callbacks", "monitor", "ckpt_path", "seed", "threads", "compile")
"""What a run has under the name that it has in the configuration."""


@dataclass(frozen=True)
class Run:
    """One training job.

    Attributes:
        recipe: how it is trained.
        data: where the rows come from, with the name of each part under "kind".
        trainer: settings of Lightning's Trainer.
        callbacks: what watches the training, by name.
        monitor: the metric that a sweep minimizes.
        run_dir: where its answers are left.
        ckpt_path: the checkpoint to go on from.
        seed: of everything.
        threads: of torch on a CPU; None for all there are.
        compile: whether likelihoods go through `torch.compile`.
        shown: the configuration as it is written down.
    """

    recipe: BaseRecipe
    data: Node
    trainer: Node
    callbacks: Node
    monitor: str
    run_dir: Path
    ckpt_path: str | None
    seed: int
    threads: int | None
    compile: bool
    shown: Node

    def resolve(self, data: TableModule) -> "Run":
        """Return the run with a number in every open place; the data gets its batch size.

        Raises:
            ValueError: if the grid of the targets is to decide a number, and there is none.
        """
        recipe = resolve(self.recipe, data, num_processes(self.trainer))
        shown = self.shown
        for place, number in _numbers(recipe).items():
            shown = _filled(shown, place.split("."), number)
        described_data = self.data | {"batch_size": recipe.batch_size}
        return replace(
            self, recipe=recipe, data=described_data, trainer=shown["trainer"], shown=shown
        )

    def card(self, data: TableModule) -> ModelCard:
        """Return that from which `load` builds the model again, and `evaluate` its test rows."""
        return replace(
            card_of(self.recipe, data),
            data=with_absolute_paths(self.data),
            rows=data.fingerprint(),
        )


def read_run(config: Node) -> Run:
    """Return the run of a checked configuration.

    Raises:
        ValueError: if a setting is out of range.
    """
    data = described(config["data"])
    registry.build("data", data)  # which refuses what is out of range, and reads nothing yet
    for name, node in config["callbacks"].items():
        if node:
            build_callback(name, node)
    return Run(
        recipe=read_recipe(config),
        data=data,
        run_dir=Path(config["run_dir"]),
        shown=config,
        **{name: config[name] for name in _TAKEN},
    )


def read_recipe(config: Node) -> BaseRecipe:
    """Return the recipe of a checked configuration.

    Raises:
        ValueError: if a setting is out of range.
    """
    model = described(config["model"])
    takes = registry.settings_of("model", model)
    found = {name: _found(config, place.split(".")) for name, place in PLACES.items()}
    elsewhere = {
        name: value
        for name, value in found.items()
        if name in takes and name not in model and (value is not None or name == "patience")
    }
    if config["recalibrate"]:
        elsewhere["recalibration"] = registry.describe(RECALIBRATION)
    _try_parts(model)
    try:
        return registry.build("model", elsewhere | model)
    except ValueError as error:
        raise ValueError(_in_its_place(str(error), elsewhere)) from None


def _try_parts(settings: Node) -> None:
    """Have the constructors of parts that are built later refuse what is out of range."""
    with torch.device("meta"):
        parameter = nn.Parameter(torch.empty(1))
        if settings.get("backbone"):
            registry.build("backbone", _with_some_depth(settings["backbone"]), num_inputs=1)
        if settings.get("schedule"):
            optimizer = SGD([parameter], lr=0.0)
            registry.build("schedule", settings["schedule"], optimizer=optimizer, total_steps=1)


def _with_some_depth(backbone: Node) -> Node:
    open_ = registry.settings(registry.build("backbone", backbone)).get("depth") == "auto"
    return backbone | {"depth": 1} if open_ else backbone


def _in_its_place(message: str, elsewhere: Collection[str]) -> str:
    """Write the place of a setting that is not among those of the model."""
    name = message.partition(" ")[0].removeprefix("model.")
    place = PLACES[name] if name in elsewhere and name in PLACES else f"model.{name}"
    return message.replace(f"model.{name}", place, 1)


def _found(config: Any, path: Sequence[str]) -> Any:
    """Return what stands at a path, or None where nothing does."""
    for key in path:
        config = config.get(key) if isinstance(config, dict) else None
    return config


def _numbers(recipe: BaseRecipe) -> dict[str, float | str | None]:
    """Return what may have been open, by the places where it stands."""
    depth = registry.settings(getattr(recipe, "backbone", None)).get("depth")
    return {
        "data.batch_size": recipe.batch_size,
        "trainer.max_epochs": recipe.max_epochs,
        "model.num_components": recipe.num_components,
        **dict.fromkeys(("backbone.depth", "model.backbone.depth"), depth),
        **dict.fromkeys(("family.min_scale", "model.family.min_scale"), recipe.family.floor),
    }


def _filled(config: Node, path: Sequence[str], number: float | str | None) -> Node:
    """Return the configuration with a number where the end of a path is open."""
    key, *rest = path
    value = config.get(key)
    if not rest:
        return config | {key: number} if value in ("auto", "grid") else config
    return config | {key: _filled(value, rest, number)} if isinstance(value, dict) else config

"""A training run read from the configuration: its recipe, rows, trainer and callbacks."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from mdn.app.build_lightning import build_callback, check_devices, num_processes
from mdn.app.node import Node
from mdn.app.read_recipe import described, read_recipe
from mdn.app.run_directory import trained_in
from mdn.model import registry
from mdn.model.card import ModelCard
from mdn.training.base_recipe import BaseRecipe
from mdn.training.datamodule import TableModule
from mdn.training.fit import card_of, resolve

_TAKEN = ("trainer", "callbacks", "monitor", "ckpt_path", "seed", "threads", "compile")
"""Fields of a run that have the same name in the configuration."""


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

    @property
    def goes_on_in_place(self) -> bool:
        """Tell whether it goes on with a run in the directory of that run."""
        return bool(self.ckpt_path) and trained_in(Path(self.ckpt_path)) == self.run_dir.absolute()

    def resolve(self, data: TableModule) -> "Run":
        """Return the run with a number in every open place; the data gets its batch size.

        Raises:
            ValueError: if the grid of the targets is to decide a number, and there is none.
        """
        recipe = resolve(self.recipe, data, num_processes(self.trainer))
        shown = _with_numbers(self.shown, _numbers(recipe))
        described_data = self.data | {"batch_size": recipe.batch_size}
        return replace(
            self, recipe=recipe, data=described_data, trainer=shown["trainer"], shown=shown
        )

    def card(self, data: TableModule) -> ModelCard:
        """Return the card from which `load` rebuilds the model and `evaluate` its test rows."""
        return replace(
            card_of(self.recipe, data),
            data=_with_absolute_paths(self.data),
            rows=data.fingerprint(),
        )


def read_run(config: Node) -> Run:
    """Return the run of a checked configuration.

    Raises:
        ValueError: if a setting is out of range.
    """
    data, recipe = described(config["data"]), read_recipe(config)
    if not recipe.uses_inputs and data.get("inputs", ()) is None:
        data = data | {"inputs": []}
    check_devices(config["trainer"])
    registry.build("data", data)  # refuses numbers out of range, and reads nothing yet
    for name, node in config["callbacks"].items():
        if node:
            build_callback(name, node)
    return Run(
        recipe=recipe,
        data=data,
        run_dir=Path(config["run_dir"]),
        shown=config,
        **{name: config[name] for name in _TAKEN},
    )


def _with_numbers(config: Node, numbers: Mapping[str, object]) -> Node:
    """Return the configuration with a number for each word that has become one."""
    filled: Node = {}
    for key, value in config.items():
        is_open = key in numbers and value in ("auto", "grid")
        value = _with_numbers(value, numbers) if isinstance(value, dict) else value
        filled[key] = numbers[key] if is_open else value
    return filled


def _numbers(recipe: BaseRecipe) -> dict[str, object]:
    """Return what may have been open in a recipe, by the last word of its key."""
    return {
        "batch_size": recipe.batch_size,
        "max_epochs": recipe.max_epochs,
        "num_components": recipe.num_components,
        "guard": recipe.guard,
        "smoothing": recipe.smoothing,
        "cross_fit": getattr(recipe, "cross_fit", None),
        "min_scale": recipe.family.min_scale,
        "depth": registry.settings(getattr(recipe, "backbone", None)).get("depth"),
    }


def _with_absolute_paths(data: Node) -> Node:
    """Have files of the run found again from another working directory."""
    is_path = [key for key in data if key.endswith("path") and data[key] is not None]
    return data | {key: str(Path(data[key]).absolute()) for key in is_path}

"""From checked plain configuration to objects, and to what a checkpoint says of them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from hydra.utils import get_object, instantiate
from lightning.pytorch import Trainer

from mdn.app.run_log import RunLog
from mdn.app.silence_lightning import silence_lightning
from mdn.model import registry
from mdn.model.card import ModelCard
from mdn.model.parts import register_parts
from mdn.model.registry import KIND, name_of
from mdn.training.datamodule import TableModule
from mdn.training.mixture_module import MixtureModule

register_parts()

_WHERE = ("_target_", "accelerator", "devices", "num_nodes", "strategy")
"""What of a `trainer` node says in how many processes it trains."""

_OF_HYDRA = ("_target_", "_partial_", "_convert_", "_recursive_")
"""Keys of a configuration that tell Hydra how to instantiate a node."""

_GPUS = ("gpu", "cuda", "mps")

_SILENT: dict[str, Any] = {
    "logger": False,
    "enable_progress_bar": False,
    "enable_checkpointing": False,
    "enable_model_summary": False,
}
"""Settings of a Trainer that leaves nothing behind."""


def build_data(config: Mapping[str, Any]) -> TableModule:
    """The datamodule of a `data` node, its tables read and split."""
    # Not instantiated by Hydra, which takes a column named ${x} for an interpolation.
    return _set_up(described(dict(config)))


def stored_data(settings: Mapping[str, Any]) -> TableModule:
    """Build the datamodule that a checkpoint describes; print the files that it names first.

    Raises:
        ValueError: if it does not describe registered data with settings of the right types.
    """
    registry.check("data", settings)
    for key in (key for key in settings if key.endswith("path") and settings[key] is not None):
        if not str(settings[key]).isprintable():
            raise ValueError(
                f"the checkpoint's data.{key} holds signs that cannot be printed, "
                f"{settings[key]!r:.200}; name the rows yourself: data=file data.path=..."
            )
        print(f"reads the checkpoint's data.{key}: {settings[key]}")
    return _set_up(settings)


def _set_up(settings: Mapping[str, Any]) -> TableModule:
    data: TableModule = registry.build("data", settings)
    data.setup("fit")
    return data


def build_module(config: Mapping[str, Any], num_inputs: int, num_targets: int) -> MixtureModule:
    """The untrained module of a `model` node."""
    return instantiate(config, num_inputs=num_inputs, num_targets=num_targets, _convert_="all")


def build_trainer(config: dict[str, Any], log: RunLog) -> Trainer:
    """The Trainer with this run's callbacks; whoever made the log closes it."""
    silence_lightning()
    settings = _on_device(config["trainer"])
    nodes = [node for node in config["callbacks"].values() if node]
    callbacks = [instantiate(node, _convert_="all") for node in nodes]
    return instantiate(settings, callbacks=callbacks, logger=log, _convert_="all")


def num_processes(trainer: dict[str, Any]) -> int:
    """How many processes a `trainer` node trains in, each with batches of its own."""
    if trainer.get("devices") == 1 and trainer.get("num_nodes", 1) == 1:
        return 1
    silence_lightning()
    settings = _on_device(trainer)
    where = {key: settings[key] for key in _WHERE if key in settings}
    return instantiate(where, **_SILENT, _convert_="all").world_size


def _on_device(trainer: dict[str, Any]) -> dict[str, Any]:
    if trainer["accelerator"] in _GPUS and not torch.accelerator.is_available():
        raise ValueError(
            f"trainer.accelerator={trainer['accelerator']} needs a GPU, and torch finds none; "
            "leave it out, or set trainer.accelerator=cpu"
        )
    if trainer["accelerator"] == "auto" and not torch.cuda.is_available():
        # A Mac's GPU knows no float64, and is slower on an MLP.
        return trainer | {"accelerator": "cpu"}
    return trainer


def model_card(config: dict[str, Any], data: TableModule) -> ModelCard:
    """From which `load` builds the model again, and `evaluate` its test rows."""
    return ModelCard(
        inputs=data.input_names,
        targets=data.target_names,
        model=described(config["model"]),
        data=described(_with_absolute_paths(config["data"])),
        rows=data.fingerprint(),
        grid=data.profile.rounded_targets,
    )


def described(node: Any) -> Any:
    """Settings as a checkpoint holds them: the name of each part where Hydra has a class.

    A part that is not registered is called by its path; whoever loads the checkpoint has to
    register it under that name.
    """
    if isinstance(node, list):
        return [described(each) for each in node]
    if not isinstance(node, dict):
        return node
    settings = {key: described(value) for key, value in node.items() if key not in _OF_HYDRA}
    if "_target_" not in node:
        return settings
    target = node["_target_"]
    return {KIND: name_of(get_object(target)) or target, **settings}


def _with_absolute_paths(data: dict[str, Any]) -> dict[str, Any]:
    """Files of the run are found again from another working directory."""
    is_path = [key for key in data if key.endswith("path") and data[key] is not None]
    return data | {key: str(Path(data[key]).absolute()) for key in is_path}

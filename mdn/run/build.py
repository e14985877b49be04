"""From checked plain configuration to objects, and from a checkpoint back to a model."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from hydra.errors import InstantiationException
from hydra.utils import instantiate
from lightning.pytorch import Trainer

from mdn.data.module import TableModule
from mdn.data.repeats import rounded_targets
from mdn.mixture_module import MixtureModule
from mdn.report.grids import GRID
from mdn.run.errors import readable
from mdn.run.log import RunLog
from mdn.run.quiet import quieten
from mdn.run.targets import check_targets

ROWS = "rows"
"""Where a recipe keeps the fingerprint of its tables."""

_WHERE = ("_target_", "accelerator", "devices", "num_nodes", "strategy")
"""What of a `trainer` node says in how many processes it trains."""

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
    data: TableModule = instantiate(config, _convert_="all")
    data.setup("fit")
    return data


def build_module(config: Mapping[str, Any], num_inputs: int, num_targets: int) -> MixtureModule:
    """The untrained module of a `model` node."""
    return instantiate(config, num_inputs=num_inputs, num_targets=num_targets, _convert_="all")


def build_trainer(config: dict[str, Any], log: RunLog) -> Trainer:
    """The Trainer with this run's callbacks; whoever made the log closes it."""
    quieten()
    settings = _on_device(config["trainer"])
    nodes = [node for node in config["callbacks"].values() if node]
    callbacks = [instantiate(node, _convert_="all") for node in nodes]
    return instantiate(settings, callbacks=callbacks, logger=log, _convert_="all")


def num_processes(trainer: dict[str, Any]) -> int:
    """How many processes a `trainer` node trains in, each with batches of its own."""
    if trainer.get("devices") == 1 and trainer.get("num_nodes", 1) == 1:
        return 1
    quieten()
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


def quiet_trainer() -> Trainer:
    """A Trainer that leaves nothing behind, to go over rows once."""
    quieten()
    return Trainer(accelerator="cpu", **_SILENT)


def recipe(config: dict[str, Any], data: TableModule) -> dict[str, Any]:
    """Plain data from which `load` builds the model again, and `evaluate` its test rows."""
    return {
        "model": config["model"],
        "data": _with_absolute_paths(config["data"]),
        "inputs": data.input_names,
        "targets": data.target_names,
        ROWS: data.fingerprint(),
        GRID: rounded_targets(data.learnable),
    }


def load(path: str | Path) -> MixtureModule:
    """The trained model of a checkpoint, ready to answer: `load(path)(x)` is p(y given x).

    Args:
        path: a checkpoint written by a training run. It is read as plain data; nothing in it is
            executed, and it may only name classes that a configuration may name.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if the file is not a checkpoint of this project.
    """
    checkpoint = read_checkpoint(path)
    recipe = checkpoint["mdn"]
    check_targets(recipe)
    try:
        module = build_module(recipe["model"], len(recipe["inputs"]), len(recipe["targets"]))
        module.load_state_dict(checkpoint["state_dict"])
    except InstantiationException as error:
        raise ValueError(
            f"{path} was written by another version of this project ({readable(error)}); read it "
            "with that one, or train again"
        ) from None
    except (KeyError, RuntimeError) as error:
        raise ValueError(f"{path} is not a whole checkpoint: {_first_line(error)}") from None
    module.recipe = recipe
    return module.eval()


def read_checkpoint(path: str | Path) -> dict[str, Any]:
    """A checkpoint as plain data; errors as `load` has them."""
    if not Path(path).is_file():
        raise FileNotFoundError(
            f"there is no checkpoint {path}; a run keeps its own in checkpoints/"
        )
    try:
        checkpoint = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        raise ValueError(
            f"{path} cannot be read as a checkpoint of plain data ({type(error).__name__}); it was "
            "cut short, is something else, or holds code, which is never run: train again"
        ) from None
    if not isinstance(checkpoint, dict) or "mdn" not in checkpoint:
        raise ValueError(f"{path} is not a checkpoint of this project: it holds no recipe")
    return checkpoint


def _with_absolute_paths(data: dict[str, Any]) -> dict[str, Any]:
    """Files of the run are found again from another working directory."""
    is_path = [key for key in data if key.endswith("path") and data[key] is not None]
    return data | {key: str(Path(data[key]).absolute()) for key in is_path}


def _first_line(error: Exception) -> str:
    return f"{type(error).__name__}: {(str(error).strip().splitlines() or [''])[0]}"

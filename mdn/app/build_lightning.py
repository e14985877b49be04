"""Datamodule, Trainer and callbacks built from a checked configuration or from a checkpoint."""

import os
from collections.abc import Mapping

from hydra.core.hydra_config import HydraConfig
from hydra.errors import InstantiationException
from hydra.types import RunMode
from hydra.utils import instantiate
from lightning.pytorch import Callback, Trainer

from mdn.app.errors import readable
from mdn.app.node import Node
from mdn.app.run_log import RunLog
from mdn.data.splits.folds import COMMON, CrossFit
from mdn.model import registry
from mdn.training import data_parts as data_parts  # registered, and may be named
from mdn.training.callbacks.stop_on_signal import StopOnSignal
from mdn.training.datamodule import TableModule
from mdn.training.devices import usable_accelerator
from mdn.training.processes import look_after_processes
from mdn.training.resumed_loop import end_resumed_fits
from mdn.training.silence_lightning import silence_lightning

_WHERE = ("_target_", "accelerator", "devices", "num_nodes", "strategy")
"""Keys of a `trainer` node that decide in how many processes it trains."""

_FEW_PROCESSES = 4
"""Processes that any machine may try."""

_SILENT: Node = {
    "logger": False,
    "enable_progress_bar": False,
    "enable_checkpointing": False,
    "enable_model_summary": False,
}
"""Settings of a Trainer that leaves nothing behind."""


def build_data(settings: Mapping[str, object], cross_fit: CrossFit = COMMON) -> TableModule:
    """Build the datamodule of described settings; read and split its tables.

    Args:
        settings: with the name of each part under "kind".
        cross_fit: whether members of an ensemble hold out parts of their own.
    """
    data: TableModule = registry.build("data", settings)
    data.cross_fit = cross_fit
    data.setup("fit")
    return data


def stored_data(settings: Mapping[str, object], cross_fit: CrossFit = COMMON) -> TableModule:
    """Build the datamodule that a checkpoint describes; print the files that it names first.

    Args:
        settings: of the data, as the card has them.
        cross_fit: whether members of the model have held out parts of their own.

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
    return build_data(settings, cross_fit)


def build_trainer(trainer: Node, callbacks: Node, log: RunLog) -> Trainer:
    """Build the Trainer with this run's callbacks; whoever made the log closes it."""
    silence_lightning()
    built = [build_callback(name, node) for name, node in callbacks.items() if node]
    built.append(StopOnSignal())  # whatever callbacks are chosen
    settings = _on_device(trainer)
    trainer_: Trainer = instantiate(settings, callbacks=built, logger=log, _convert_="all")
    _check_sweep(trainer_)
    look_after_processes(trainer_)
    end_resumed_fits(trainer_)
    return trainer_


def _check_sweep(trainer: Trainer) -> None:
    # Also where nothing says how many: auto takes all GPUs that there are.
    sweep = HydraConfig.initialized() and HydraConfig.get().mode == RunMode.MULTIRUN
    if sweep and trainer.world_size > 1:
        raise ValueError(
            f"a sweep runs one process a job, got {trainer.world_size} processes; set "
            "trainer.devices=1, or run the jobs one by one without --multirun"
        )


def build_callback(name: str, node: Node) -> Callback:
    """Build the callback of a node.

    Raises:
        ValueError: with the key, if a setting is out of range.
    """
    try:
        return instantiate(node, _convert_="all")
    except InstantiationException as error:
        message, path = readable(error), f"callbacks.{name}"
        inner = message.partition(": ")
        if inner[0] in node:  # what failed is a part that the callback takes
            message, path = inner[2], f"{path}.{inner[0]}"
        raise ValueError(f"{path}.{message}") from None


def check_devices(trainer: Node) -> None:
    """Refuse more processes on one machine than it can run.

    Raises:
        ValueError: with what to set.
    """
    devices, most = trainer.get("devices"), max(_FEW_PROCESSES, os.cpu_count() or 1)
    if isinstance(devices, str) and devices.isdecimal():  # which Lightning counts by
        devices = int(devices)
    on_cpu = usable_accelerator(trainer["accelerator"]) == "cpu"
    if on_cpu and isinstance(devices, int) and devices > most:
        raise ValueError(
            f"trainer.devices={devices} starts {devices} processes on a machine of "
            f"{os.cpu_count()} cores, each with the whole program in memory; set trainer.devices "
            f"to at most {most}, or leave it out: one process uses several cores with threads=null"
        )


def num_processes(trainer: Node) -> int:
    """Return how many processes a `trainer` node trains in, each with batches of its own."""
    if trainer.get("devices") == 1 and trainer.get("num_nodes", 1) == 1:
        return 1
    silence_lightning()
    settings = _on_device(trainer)
    where = {key: settings[key] for key in _WHERE if key in settings}
    return instantiate(where, **_SILENT, _convert_="all").world_size


def _on_device(trainer: Node) -> Node:
    return trainer | {"accelerator": usable_accelerator(trainer["accelerator"])}

"""Parts of a Trainer and of a module that Lightning does not declare, or declares too widely."""

from typing import Any, cast

from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.core.optimizer import LightningOptimizer
from torch.optim.lr_scheduler import LRScheduler

from mdn.data.table import Table


def callbacks_of(trainer: Trainer) -> list[Callback]:
    """Return the callbacks of a Trainer, Lightning's own among them."""
    return cast(Any, trainer).callbacks


def table_of(trainer: Trainer, name: str) -> Table:
    """Return a table of the datamodule that is fitted to: "train", "val" or "test"."""
    return cast(Any, trainer).datamodule.tables[name]


def train_table_of(trainer: Trainer) -> Table:
    """Return the rows that everything is fitted to.

    Raises:
        ValueError: if the Trainer was given loaders instead of a datamodule.
    """
    datamodule = cast(Any, trainer).datamodule
    if datamodule is None:
        raise ValueError(
            "an unfitted module takes its standardization from a datamodule, got bare loaders; "
            "pass trainer.fit(module, datamodule), or call module.start(table)"
        )
    return datamodule.train_table


def optimizer_of(module: LightningModule) -> LightningOptimizer:
    """Return the one optimizer of a module in training."""
    return cast(LightningOptimizer, module.optimizers())


def schedule_of(module: LightningModule) -> LRScheduler:
    """Return the one learning-rate schedule of a module in training."""
    return cast(LRScheduler, module.lr_schedulers())

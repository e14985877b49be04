"""Parts of a Trainer and of a module that Lightning does not declare, or declares too widely."""

from collections.abc import Callable, Mapping
from typing import Protocol, cast, runtime_checkable

from jaxtyping import Int64
from lightning.pytorch import Callback, LightningModule, Trainer
from torch import Tensor
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from mdn.data.batches import Blocks
from mdn.data.rows import Rows
from mdn.data.table import Table


class _Tables(Protocol):
    @property
    def tables(self) -> Mapping[str, Rows]: ...

    @property
    def train_table(self) -> Rows: ...


@runtime_checkable
class _Parts(Protocol):
    """What a Trainer's connectors set on it, undeclared."""

    callbacks: list[Callback]
    datamodule: _Tables | None


def _parts(trainer: Trainer) -> _Parts:
    return cast(_Parts, trainer)


class _SignalConnector(Protocol):
    _sigterm_notifier_fn: Callable[..., None]


class _EpochLoop(Protocol):
    _broadcast_sigterm_tensor: Callable[[], None]


def quiet_signal_handlers(trainer: Trainer) -> None:
    """Take from Lightning what it does on SIGTERM: a broadcast in the handler, and one a batch."""
    connector = cast(_SignalConnector, trainer._signal_connector)
    connector._sigterm_notifier_fn = _do_nothing
    cast(_EpochLoop, trainer.fit_loop.epoch_loop)._broadcast_sigterm_tensor = _do_nothing


def _do_nothing(*_: object) -> None:
    pass


def callbacks_of(trainer: Trainer) -> list[Callback]:
    """Return the callbacks of a Trainer, Lightning's own among them."""
    return _parts(trainer).callbacks


def table_of(trainer: Trainer, name: str) -> Table:
    """Return the rows of the datamodule that is fitted to, or a sample where they are streamed.

    Args:
        trainer: of the fit.
        name: "train", "val" or "test".
    """
    datamodule = _parts(trainer).datamodule
    assert datamodule is not None
    return datamodule.tables[name].sample


def train_table_of(trainer: Trainer) -> Table:
    """Return the rows that everything is fitted to, or a sample where they are streamed.

    Raises:
        ValueError: if the Trainer was given loaders instead of a datamodule.
    """
    datamodule = _parts(trainer).datamodule
    if datamodule is None:
        raise ValueError(
            "an unfitted module takes its standardization from a datamodule, got bare loaders; "
            "pass trainer.fit(module, datamodule), or call module.start(table)"
        )
    return datamodule.train_table.sample


def steps_per_call(trainer: Trainer) -> int:
    """Return how many batches a call of `training_step` gets, at most."""
    loader = trainer.train_dataloader
    return loader.size if isinstance(loader, Blocks) else 1


def rows_of(trainer: Trainer, number: int) -> Int64[Tensor, " B"] | None:
    """Return which training rows are in a batch of this epoch, or None where nobody knows."""
    loader = trainer.train_dataloader
    return loader.batches.rows_of(number) if isinstance(loader, Blocks) else None


def optimizer_of(module: LightningModule) -> Optimizer:
    """Return the one optimizer of a module in training, as Lightning wraps it to count steps."""
    return cast(Optimizer, module.optimizers())


def bare_optimizer_of(module: LightningModule) -> Optimizer:
    """Return the one optimizer of a module in training, without Lightning's hooks and counters."""
    return cast(Optimizer, module.optimizers(use_pl_optimizer=False))


def schedule_of(module: LightningModule) -> LRScheduler:
    """Return the one learning-rate schedule of a module in training."""
    return cast(LRScheduler, module.lr_schedulers())


def stand_where_stopped(trainer: Trainer, metrics: Mapping[str, Tensor]) -> None:
    """Tell the loaders of a resumed run where in an epoch it stopped, and callbacks its scores.

    Lightning does the first when it makes the loaders; but the number of steps, which the schedule
    asks for, makes them before it has read the checkpoint. It never does the second, and callbacks
    ask at the end of an epoch for a score of its validation, or of an earlier one.

    Args:
        trainer: at the start of its training.
        metrics: what had been logged for callbacks, by name.
    """
    trainer.fit_loop._load_combined_loader_states()
    trainer._logger_connector._callback_metrics.update(metrics)

"""Parts of a Trainer and of a module that Lightning does not declare, or declares too widely."""

import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Protocol, cast, runtime_checkable

from lightning.pytorch import Callback, LightningModule, Trainer
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

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


@contextmanager
def keyboard_interrupts() -> Iterator[None]:
    """Raise KeyboardInterrupt on Ctrl-C inside, of which Lightning makes exit status 1.

    It ignores further ones, too, and forgets to restore the handler where a fit has not begun.
    """
    handler = signal.getsignal(signal.SIGINT)
    try:
        yield
    except SystemExit as end:
        if not isinstance(end.__context__, KeyboardInterrupt):
            raise
        signal.signal(signal.SIGINT, handler)
        raise KeyboardInterrupt from None


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


def optimizer_of(module: LightningModule) -> Optimizer:
    """Return the one optimizer of a module in training, as Lightning wraps it to count steps."""
    return cast(Optimizer, module.optimizers())


def bare_optimizer_of(module: LightningModule) -> Optimizer:
    """Return the one optimizer of a module in training, without Lightning's hooks and counters."""
    return cast(Optimizer, module.optimizers(use_pl_optimizer=False))


def schedule_of(module: LightningModule) -> LRScheduler:
    """Return the one learning-rate schedule of a module in training."""
    return cast(LRScheduler, module.lr_schedulers())

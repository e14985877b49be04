"""A run that is told to stop saves its state at the end of a batch, on all processes together."""

from collections.abc import Sequence
from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.trainer.states import TrainerFn
from torch import Tensor, distributed

from mdn.data.batches import Block
from mdn.training.callbacks.best_and_last import LastCheckpoint
from mdn.training.lightning_parts import callbacks_of, quiet_signal_handlers
from mdn.training.stop_signals import Interrupted, signals


class StopOnSignal(Callback):
    """Ends a fit with `Interrupted` behind the batch in which any of its processes got a signal.

    Lightning's own handler of SIGTERM talks to the other processes inside the handler, and waits
    for ever where they are in the middle of something else. Here a handler only remembers the
    signal; after each batch of training and of validation the processes agree on it, with one small
    sum where there are several. The last checkpoint is written, and all processes leave.

    The command line and `fit` add it to every run, whatever callbacks are chosen.
    """

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        quiet_signal_handlers(trainer)
        if stage == "fit":
            signals.hold()

    def on_exception(
        self, trainer: Trainer, pl_module: LightningModule, exception: BaseException
    ) -> None:
        signals.let_go()

    def on_train_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Block,
        batch_idx: int,
    ) -> None:
        self._stop_if_told(trainer)

    def on_validation_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Sequence[Tensor],
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        if trainer.state.fn == TrainerFn.FITTING:
            self._stop_if_told(trainer)

    def _stop_if_told(self, trainer: Trainer) -> None:
        number = _agreed(trainer, signals.number)
        if number:
            signals.stopping = True
            for callback in callbacks_of(trainer):
                if isinstance(callback, LastCheckpoint):
                    callback.save_now(trainer)
            raise Interrupted(number)


def _agreed(trainer: Trainer, number: int) -> int:
    """Return the signal that any process got; 0 if none did."""
    if trainer.world_size == 1:
        return number
    told = torch.tensor(number, device=trainer.strategy.root_device)
    distributed.all_reduce(told, distributed.ReduceOp.MAX)
    return int(told)

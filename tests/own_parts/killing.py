"""A callback for runs that are killed, found on the PYTHONPATH of a test."""

import os
import signal

from lightning.pytorch import Callback

from mdn.data.stream.batches import StreamedBatches
from mdn.training.callbacks.best_and_last import LastCheckpoint

_SMALL = 2**13
StreamedBatches.__init__.__defaults__ = (_SMALL,)  # so that few rows have several windows


class Killing(Callback):
    """Saves inside epochs, as a stop does, and kills the processes of the run.

    Args:
        save_every: calls between two checkpoints.
        kill_at: the call behind which to kill, or never.
        kill_in: a hook behind the last epoch in which to kill, or never.
    """

    def __init__(self, save_every: int = 3, kill_at: int | None = None, kill_in: str | None = None):
        self.save_every, self.kill_at, self.kill_in = save_every, kill_at, kill_in

    def on_train_batch_end(self, trainer, pl_module, *_):
        call = trainer.fit_loop.total_batch_idx
        self._save(trainer, call)
        if call == self.kill_at:
            os.killpg(0, signal.SIGKILL)

    def on_train_end(self, trainer, pl_module):
        self._kill_in("on_train_end")

    def on_fit_end(self, trainer, pl_module):
        self._kill_in("on_fit_end")

    def on_validation_start(self, trainer, pl_module):
        if trainer.state.fn == "validate":
            self._kill_in("test")

    def _kill_in(self, hook):
        if hook == self.kill_in:
            os.killpg(0, signal.SIGKILL)

    def on_validation_batch_end(self, trainer, pl_module, *_):
        self._save(trainer, trainer.current_epoch)

    def _save(self, trainer, number):
        (last,) = (
            each
            for each in trainer.callbacks
            if isinstance(each, LastCheckpoint) and each.filename == "last"
        )
        if number % self.save_every == 0:
            last.save_now(trainer)

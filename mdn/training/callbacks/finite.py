"""A guard against losses that are not finite."""

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from torch import Tensor

from mdn.data.batches import Batch, Block, batches_of
from mdn.distributions.checks import check_at_least
from mdn.training.callbacks.watched_module import mixture_module
from mdn.training.mixture_module import MixtureModule

_OVERFLOW = 1e30
"""A loss beyond this is infinite too: the likelihood holds back what float32 cannot."""


class FiniteLoss(Callback):
    """Ends a run whose loss is no longer finite, before anything of it is saved.

    One such loss turns all weights into NaN at the next step; Lightning would go on to the end. In
    one CPU process the loss is read in every call of the trainer, which costs nothing there.
    Elsewhere that would hold up the device: the loss is tracked on it, and read every so many calls
    and at the end of each epoch.

    ```yaml
    finite:
      _target_: mdn.training.callbacks.finite.FiniteLoss
      every_n_steps: 50
    ```

    Args:
        every_n_steps: how often to read the loss where that costs time.
    """

    def __init__(self, every_n_steps: int = 50) -> None:
        check_at_least("every_n_steps", every_n_steps, 1)
        self.every_n_steps = every_n_steps
        self._taint: Tensor | None = None
        self._batches: list[Batch] = []
        self._first = 0

    def state_dict(self) -> dict[str, int]:
        return {"first": self._first + len(self._batches)}

    def load_state_dict(self, state_dict: dict[str, int]) -> None:
        self._first = state_dict["first"]

    def on_save_checkpoint(
        self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, object]
    ) -> None:
        self._look(trainer, pl_module)

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._batches, self._first = [], 0

    def on_train_batch_start(
        self, trainer: Trainer, pl_module: LightningModule, batch: Block, batch_idx: int
    ) -> None:
        self._batches.extend(batches_of(batch))

    def on_before_backward(
        self, trainer: Trainer, pl_module: LightningModule, loss: Tensor
    ) -> None:
        taint = ~(loss.detach().abs() < _OVERFLOW)
        self._taint = taint if self._taint is None else self._taint | taint
        free = loss.device.type == "cpu" and trainer.world_size == 1
        if free or trainer.global_step % self.every_n_steps == 0:
            self._look(trainer, pl_module)

    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._look(trainer, pl_module)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._look(trainer, pl_module)

    def _look(self, trainer: Trainer, module: LightningModule) -> None:
        finite = self._taint is None or not self._taint
        first, suspects = self._first, self._batches
        self._first, last = first + len(suspects), first + len(suspects) - 1
        self._batches, self._taint = [], None
        # A process that stops alone would leave the others waiting for it.
        if not trainer.strategy.reduce_boolean_decision(finite, all=True):
            where = f"batch {last}" if first == last else f"batches {first} to {last}"
            raise ValueError(
                f"the training loss is not finite at epoch {trainer.current_epoch}, {where}: "
                f"{likely_cause(mixture_module(module), suspects)}"
            )


def likely_cause(module: MixtureModule, batches: list[Batch]) -> str:
    """Say what is wrong with the batches or the weights, and what to do about it."""
    x, y = (torch.cat(parts) for parts in zip(*(list(b)[:2] for b in batches), strict=True))
    model = module.model
    y = y.nan_to_num(nan=0.0) if module.misses_targets else y
    seen = model.inputs(x, model.dtype), model.targets(y, model.dtype)
    if not all(values.isfinite().all() for values in seen):
        return f"rows hold NaN, inf, or numbers too large for {model.dtype}; clean the data"
    return "the training has diverged; lower `lr`, set `gradient_clip`, or raise `min_scale`"

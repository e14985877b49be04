"""A guard against losses and gradients that are not finite."""

from typing import Any, cast

from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.utilities import rank_zero_warn
from torch import Tensor

from mdn.data.batches import Batch, Block, batches_of
from mdn.distributions.checks import check_at_least
from mdn.model.checkpoint import WEIGHTS, not_finite
from mdn.training.callbacks.best_and_last import best_so_far
from mdn.training.callbacks.skip_counts import SkipCounts
from mdn.training.callbacks.watched_module import mixture_module
from mdn.training.lightning_parts import steps_per_call
from mdn.training.module import MDNModule
from mdn.training.safe_steps import overflows
from mdn.training.suspect_rows import DIVERGED, BatchAt, find_suspects

TAG = "train/skipped_steps"


class FiniteLoss(Callback):
    """Skips steps without a finite loss and gradient, and ends a run that has too many of them.

    One such step would turn all weights into NaN, and Lightning would go on to the end. On a CPU
    only the members of the ensemble that are concerned skip it, on a GPU all do. The learning rate
    follows its schedule as if the step had been taken. A warning at the end of the epoch names
    the rows to blame for the first one, and `train/skipped_steps` counts them all. A run ends when
    too many come in a row, when they are more than half of an epoch, and when weights are not
    finite; such weights are never saved. Where `gradient_clip` is None, a gradient a thousand times
    as large as the mean of those before it is skipped too, once; clipping makes it harmless.

    On a CPU it is known at once which steps were skipped. Reading it from a GPU would hold up the
    device: it is read every so many calls of the trainer and at the end of each epoch.

    ```yaml
    finite:
      _target_: mdn.training.callbacks.finite.FiniteLoss
      every_n_steps: 50
      max_skips: 10
    ```

    Args:
        every_n_steps: how often to read from a GPU what was skipped.
        max_skips: steps in a row that a member may skip; one more ends the run. With 0 the first
            one does.
    """

    def __init__(self, every_n_steps: int = 50, max_skips: int = 10) -> None:
        check_at_least("every_n_steps", every_n_steps, 1)
        check_at_least("max_skips", max_skips, 0)
        self.every_n_steps = every_n_steps
        self.max_skips = max_skips
        self.counts = SkipCounts()
        self._usual: Tensor | None = None
        self._batches: list[tuple[int, Batch]] = []
        self._told = False
        self._news = ""

    @property
    def outcome(self) -> dict[str, float | bool]:
        """Tell how many steps were skipped, if any."""
        return {TAG: self.counts.skipped} if self.counts.skipped else {}

    def state_dict(self) -> dict[str, object]:
        return {"counts": self.counts.plain, "told": self._told, "usual": self._usual}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.counts = SkipCounts(**state_dict["counts"])
        self._told, self._usual = state_dict["told"], state_dict["usual"]

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        mixture_module(pl_module).make_steps_safe(self._usual)

    def on_train_batch_start(
        self, trainer: Trainer, pl_module: LightningModule, batch: Block, batch_idx: int
    ) -> None:
        if batch_idx == 0:
            self.counts.begin_epoch()
        first = batch_idx * steps_per_call(trainer)
        self._batches.extend(enumerate(batches_of(batch), first))

    def on_train_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: object,
        batch: Block,
        batch_idx: int,
    ) -> None:
        if is_free(pl_module) or trainer.global_step % self.every_n_steps == 0:
            self._look(trainer, pl_module)

    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._look(trainer, pl_module)

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        scores = mixture_module(pl_module).val_nll_of_members
        if any(self.counts.in_a_row) and overflows(scores).any():
            raise ValueError(
                f"the validation loss is not finite at epoch {trainer.current_epoch}, and the last "
                f"step was skipped for the same reason: {DIVERGED}{best_so_far(trainer)}"
            )

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._look(trainer, pl_module)
        if self._news:
            rank_zero_warn(self._news)
            self._news = ""
        if self.counts.skipped:
            for logger in trainer.loggers:
                logger.log_metrics({TAG: self.counts.skipped}, step=trainer.global_step)

    def on_fit_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if self.counts.remark:
            rank_zero_warn(self.counts.remark)

    def on_save_checkpoint(
        self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        self._look(trainer, pl_module)
        if not_finite(checkpoint[WEIGHTS]) is not None:
            raise ValueError(
                f"the weights are not finite at epoch {trainer.current_epoch}, and are not saved: "
                f"{DIVERGED}{best_so_far(trainer)}"
            )

    def _look(self, trainer: Trainer, pl_module: LightningModule) -> None:
        batches, self._batches = self._batches, []
        steps = mixture_module(pl_module).safe_steps
        if steps is None or not steps.skipped:
            return
        self._usual = None if steps.spikes is None else steps.spikes.state
        skipped, norms = steps.emptied()
        self.counts.steps += len(skipped)
        self.counts.epoch_steps += len(skipped)
        if not skipped.any():
            self.counts.in_a_row = []
            return
        spikes = (skipped & norms.isfinite().cpu()).any(1).tolist()
        for (number, batch), members, spike in zip(batches, skipped.tolist(), spikes, strict=True):
            if self.counts.add(members):
                self._tell(trainer, cast(MDNModule, pl_module), BatchAt(batch, number, spike))

    def _tell(self, trainer: Trainer, module: MDNModule, batch: BatchAt) -> None:
        """Say why a step was skipped, if that is the first time; end the run if it must."""
        end = self._end(module)
        if self._told and not end:
            return
        at = f"epoch {trainer.current_epoch}, batch {batch.number}{self.counts.of_members}"
        message = find_suspects(trainer, module, batch).message(at)
        if end:
            raise ValueError(f"{message}. {end}{best_so_far(trainer)}")
        self._told = True
        self._news = f"{message}. This step was skipped; {TAG} counts all that are"

    def _end(self, module: MDNModule) -> str:
        """Say why the run ends, or nothing if it goes on."""
        if not_finite(module.state_dict()) is not None:
            return "Weights are not finite either, and no step can mend them"
        return self.counts.too_many(self.max_skips)


def is_free(module: LightningModule) -> bool:
    """Tell whether a number can be read without holding up the device."""
    return module.device.type == "cpu"

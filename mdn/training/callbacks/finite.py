"""A guard against losses and gradients that are not finite."""

from typing import Any, cast

import torch
from jaxtyping import Bool
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.utilities import rank_zero_warn
from torch import Tensor

from mdn.data.batches import Batch, Block, batches_of
from mdn.distributions.checks import check_at_least
from mdn.model.checkpoint import WEIGHTS, not_finite
from mdn.training.callbacks.best_and_last import best_so_far
from mdn.training.callbacks.watched_module import mixture_module
from mdn.training.lightning_parts import steps_per_call
from mdn.training.module import MDNModule
from mdn.training.step_guard import StepGuard, overflows
from mdn.training.suspect_rows import DIVERGED, find_suspects

TAG = "train/skipped_steps"

_MOST = 0.5
"""The share of the steps of an epoch that a run may skip."""

_FEW, _FEW_OF_ALL = 3, 0.01
"""So many skipped steps are not worth a word at the end, nor is such a share of all steps."""


class FiniteLoss(Callback):
    """Skips steps without a finite loss and gradient, and ends a run that has too many of them.

    One such step would turn all weights into NaN, and Lightning would go on to the end. It is left
    out as `mdn.training.step_guard` says, on a CPU for the members of the ensemble that are
    concerned; the learning rate follows its schedule as if there had been a step. The first one
    is told at the end of its epoch, with the rows that are to blame. `train/skipped_steps` counts
    them all. A run ends where too many follow one another, where they are more than half of an
    epoch, and where weights are no longer finite. Nothing is saved of such weights.

    On a CPU it is known at once which steps were skipped. Elsewhere asking would hold up the
    device, so that is asked every so many calls of the trainer and at the end of each epoch.

    ```yaml
    finite:
      _target_: mdn.training.callbacks.finite.FiniteLoss
      every_n_steps: 50
      max_skips: 10
    ```

    Args:
        every_n_steps: how often to ask the device where that costs time.
        max_skips: steps in a row that a member may skip; one more ends the run. With 0 the first
            one does.
    """

    def __init__(self, every_n_steps: int = 50, max_skips: int = 10) -> None:
        check_at_least("every_n_steps", every_n_steps, 1)
        check_at_least("max_skips", max_skips, 0)
        self.every_n_steps = every_n_steps
        self.max_skips = max_skips
        self.steps = self.skips = 0
        self._in_a_row: list[int] = []
        self._in_epoch = self._steps_of_epoch = 0
        self._batches: list[tuple[int, Batch]] = []
        self._told = False
        self._news = ""

    @property
    def outcome(self) -> dict[str, float | bool]:
        """Tell how many steps were skipped, if any."""
        return {TAG: self.skips} if self.skips else {}

    def state_dict(self) -> dict[str, object]:
        return {
            "steps": self.steps,
            "skips": self.skips,
            "in_a_row": self._in_a_row,
            "in_epoch": (self._in_epoch, self._steps_of_epoch),
            "told": self._told,
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.steps, self.skips = state_dict["steps"], state_dict["skips"]
        self._in_a_row, self._told = list(state_dict["in_a_row"]), state_dict["told"]
        self._in_epoch, self._steps_of_epoch = state_dict["in_epoch"]

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        module = mixture_module(pl_module)
        module.guard = StepGuard(module.network)

    def on_train_batch_start(
        self, trainer: Trainer, pl_module: LightningModule, batch: Block, batch_idx: int
    ) -> None:
        if batch_idx == 0:
            self._in_epoch = self._steps_of_epoch = 0
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
        if any(self._in_a_row) and overflows(scores).any():
            raise ValueError(
                f"neither the last training loss of epoch {trainer.current_epoch}, or its "
                f"gradient, nor the validation loss is finite: {DIVERGED}{best_so_far(trainer)}"
            )

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._look(trainer, pl_module)
        if self._news:
            rank_zero_warn(self._news)
            self._news = ""
        if self.skips:
            for logger in trainer.loggers:
                logger.log_metrics({TAG: self.skips}, step=trainer.global_step)

    def on_fit_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if self.skips > max(_FEW, _FEW_OF_ALL * self.steps):
            rank_zero_warn(
                f"{self.skips} of {self.steps} steps had no finite gradient, and were skipped"
            )

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
        guard = mixture_module(pl_module).guard
        if guard is None or not guard.skipped:
            return
        skipped = torch.stack(guard.skipped).cpu()
        guard.skipped = []
        self.steps += len(skipped)
        self._steps_of_epoch += len(skipped)
        if skipped.any():
            self._blame(trainer, cast(MDNModule, pl_module), batches, skipped)
        else:
            self._in_a_row = []

    def _blame(
        self,
        trainer: Trainer,
        module: MDNModule,
        batches: list[tuple[int, Batch]],
        skipped: Bool[Tensor, "steps M"],
    ) -> None:
        for (number, batch), members in zip(batches, skipped.tolist(), strict=True):
            earlier = self._in_a_row or [0] * len(members)
            self._in_a_row = [n + 1 if m else 0 for n, m in zip(earlier, members, strict=True)]
            if any(members):
                self._count(trainer, module, number, batch)

    def _count(self, trainer: Trainer, module: MDNModule, number: int, batch: Batch) -> None:
        self.skips += 1
        self._in_epoch += 1
        end = self._end(module)
        if self._told and not end:
            return
        found = find_suspects(trainer, module, batch, number)
        message = (
            "the training loss or its gradient is not finite at epoch "
            f"{trainer.current_epoch}, batch {number}{self._of_members}: {found.text}"
        )
        if end:
            raise ValueError(f"{message}. {end}{best_so_far(trainer)}")
        self._told = True
        self._news = f"{message}. This step was skipped; {TAG} counts all that are"

    @property
    def _of_members(self) -> str:
        of, some = len(self._in_a_row), sum(map(bool, self._in_a_row))
        return "" if some == of else f", for {some} of {of} members"

    def _end(self, module: MDNModule) -> str:
        """Say why the run ends, or nothing if it goes on."""
        if not_finite(module.state_dict()) is not None:
            return "Weights are not finite either: no step can mend them"
        if max(self._in_a_row) > self.max_skips:
            times = max(self._in_a_row)
            return f"So it was {times} steps in a row" if times > 1 else "The run ends at the first"
        if self._in_epoch > max(self.max_skips, _MOST * self._steps_of_epoch):
            return f"So it was in {self._in_epoch} of {self._steps_of_epoch} steps of this epoch"
        return ""


def is_free(module: LightningModule) -> bool:
    """Tell whether a number can be read without holding up the device."""
    return module.device.type == "cpu"

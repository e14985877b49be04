"""Members of an ensemble overfit each at its own time: the pool of each at its own best epoch.

It leaves out what a joint best epoch is, a compromise. But members that are best one by one need
not be best together, so the two pools are compared on the validation rows, and the better is kept.
"""

import math
from typing import Any

import torch
from jaxtyping import Bool, Float, Shaped
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.trainer.states import TrainerFn
from torch import Tensor

from mdn.model.checkpoint import JOINT, read_checkpoint, write_checkpoint
from mdn.model.evaluation_mode import evaluation_mode
from mdn.training.callbacks.best_and_last import best_path
from mdn.training.callbacks.watched_module import mixture_module
from mdn.training.mixture_module import MixtureModule


class BestMembers(Callback):
    """Puts each member at its own best epoch into the best checkpoint, where that pool is better.

    ```yaml
    best_members:
      _target_: mdn.training.callbacks.best_members.BestMembers
    ```

    A member's best epoch is the one with its own least validation nll. At the end of the fit the
    pool of these members is compared with the best checkpoint, which holds the joint best epoch,
    by the nll of the validation rows; the checkpoint wins a tie. One network, a run without a best
    checkpoint, and members that each hold out rows of their own, are left alone: there are no rows
    that none of these has learned from.

    Attributes:
        nll: the least validation nll of each member so far, standardized; None before there is one.
        weights: the parameters and buffers of the network, each member's from its own best epoch.
        outcome: after a fit, whether `members_own_epochs` was better; empty of one network.
    """

    def __init__(self) -> None:
        self.nll: Float[Tensor, " M"] | None = None
        self.weights: dict[str, Tensor] = {}
        self.outcome: dict[str, float | bool] = {}

    def state_dict(self) -> dict[str, object]:
        return {} if self.nll is None else {"nll": self.nll, "weights": self.weights}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.nll, self.weights = state_dict["nll"], state_dict["weights"]

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        module = mixture_module(pl_module)
        fitting = trainer.state.fn == TrainerFn.FITTING and not trainer.sanity_checking
        if fitting and module.model.num_members > 1 and not module.cross_fitted:
            self._remember(module.val_nll_of_members, module.network.state_dict())

    def _remember(self, nll: Float[Tensor, " M"], weights: dict[str, Tensor]) -> None:
        """Nothing here waits for the device."""
        before = torch.full_like(nll, torch.inf) if self.nll is None else self.nll.to(nll)
        better = nll < before
        self.nll = torch.where(better, nll, before)
        self.weights = {
            name: _of_members(better, now, self.weights.get(name, now))
            for name, now in weights.items()
        }

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        best = best_path(trainer)
        if self.nll is not None and best:
            self._keep_the_better(trainer, mixture_module(pl_module), best)

    def _keep_the_better(self, trainer: Trainer, module: MixtureModule, best: str) -> None:
        checkpoint = read_checkpoint(best)
        joint = checkpoint.get(JOINT, checkpoint["state_dict"])
        rest = {key: value for key, value in checkpoint.items() if key != JOINT}
        own = joint | {f"model.network.{name}": value.cpu() for name, value in self.weights.items()}
        scores = [pooled_nll(trainer, module, weights) for weights in (own, joint)]
        # A score that is not a number is worse than any.
        own_nll, joint_nll = (math.inf if math.isnan(score) else score for score in scores)
        better = own_nll < joint_nll
        self.outcome = {"members_own_epochs": better}
        kept = {"state_dict": own, JOINT: joint} if better else {"state_dict": joint}
        if trainer.is_global_zero:
            write_checkpoint(rest | kept, best)
        trainer.strategy.barrier()


def _of_members(
    better: Bool[Tensor, " M"],
    now: Shaped[Tensor, "*shape"],
    before: Shaped[Tensor, "*shape"],
) -> Shaped[Tensor, "*shape"]:
    choice = better.view(-1, *(1,) * (now.ndim - 1))
    return torch.where(choice, now, before.to(now))


def pooled_nll(trainer: Trainer, module: MixtureModule, weights: dict[str, Tensor]) -> float:
    """The nll of the validation rows, standardized, with other weights than the module has.

    Args:
        trainer: in a fit, with its validation rows.
        module: the model; it has its own weights again afterwards.
        weights: a state of the module.
    """
    own = {name: value.clone() for name, value in module.state_dict().items()}
    try:
        with evaluation_mode(module), trainer.precision_plugin.val_step_context():
            module.load_state_dict(weights)
            trainer.fit_loop.epoch_loop.val_loop.setup_data()  # it may have had no validation yet
            for batch in trainer.val_dataloaders or ():
                module.count(trainer.strategy.batch_to_device(batch), "pool")
            return module.mean_nll("pool").item()
    finally:
        module.load_state_dict(own)

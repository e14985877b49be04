"""The mixture density network, trained by gradient descent."""

import math
from collections.abc import Callable, Sequence
from typing import Any

from jaxtyping import Float
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from mdn.data.batches import batches_of
from mdn.distributions.checks import check_at_least, check_positive
from mdn.distributions.families import Family
from mdn.fitting.objectives import Objective, Regularizer
from mdn.fitting.start import kmeans_start
from mdn.networks.build import build_network
from mdn.training.lightning_parts import schedule_of
from mdn.training.mixture_module import MixtureModule, num_rows, total

_SHRINK = 0.1
"""What the head's input-dependent weights are multiplied by at a start from data."""


class MDNModule(MixtureModule):
    """p(y given x) by gradient descent on the mean of an objective.

    Args:
        num_inputs: P.
        num_targets: D.
        num_components: K.
        ensemble_size: M, networks that are trained side by side and pooled into one mixture.
        family: the covariance family.
        backbone: given P, the module in front of the head.
        first_layer_gain: factors on what first layers begin with, dealt to members in turn.
        optimizer: given parameter groups, the optimizer.
        schedule: given the optimizer and the number of steps, the learning-rate schedule.
        start_from_data: start the head from k-means of the targets; otherwise at random.
        mixture_lr: learning rate of the weights; None for the optimizer's.
        component_lr: learning rate of means and scales; None for the optimizer's.
        gradient_clip: the largest norm of a gradient, of each member's own; None for any.
        objective: what training minimises; what is logged is always the nll.
        regularizer: noise and reward that it is trained with.

    Raises:
        ValueError: on a number out of range.
    """

    def __init__(
        self,
        num_inputs: int,
        num_targets: int,
        num_components: int,
        ensemble_size: int,
        family: Family,
        backbone: Callable[[int], nn.Module],
        first_layer_gain: Sequence[float],
        optimizer: Callable[[list[dict[str, Any]]], Optimizer],
        schedule: Callable[[Optimizer, int], LRScheduler],
        start_from_data: bool,
        mixture_lr: float | None,
        component_lr: float | None,
        gradient_clip: float | None,
        objective: Objective,
        regularizer: Regularizer,
    ) -> None:
        rates = {"mixture_lr": mixture_lr, "component_lr": component_lr}
        for name, value in (rates | {"gradient_clip": gradient_clip}).items():
            if value is not None:
                check_positive(name, value)
        check_at_least("ensemble_size", ensemble_size, 1)
        regularizer.check_members(ensemble_size)
        network = build_network(
            backbone,
            num_inputs,
            num_targets,
            num_components,
            family,
            ensemble_size,
            first_layer_gain,
        )
        super().__init__(num_inputs, num_targets, network)
        self.optimizer = optimizer
        self.schedule = schedule
        self.start_from_data = start_from_data
        self.mixture_lr = mixture_lr
        self.component_lr = component_lr
        self.gradient_clip = gradient_clip
        self.objective = objective
        self.regularizer = regularizer

    def _start_network(self, y: Float[Tensor, "N D"], weight: Float[Tensor, " N"] | None) -> None:
        if self.start_from_data:
            head, y = self.network.head, y.to(self.model.dtype)
            for member in range(self.network.num_members):
                mixture = kmeans_start(y, head.num_components, head.family, weight, seed=member)
                head.start(mixture, _SHRINK, member)

    def training_step(self, batch: Sequence[Any], batch_index: int) -> Tensor:
        """A step of gradient descent for a batch, or for each batch of a block."""
        optimizer: Any = self.optimizers()
        *earlier, last = batches_of(batch)
        for each in earlier:
            self._descend(each, optimizer.optimizer, Tensor.backward)
        # This one, being Lightning's, calls the hooks and moves the counters.
        return self._descend(last, optimizer, self.manual_backward)

    def _descend(
        self, batch: Sequence[Tensor], optimizer: Any, backward: Callable[[Tensor], None]
    ) -> Tensor:
        optimizer.zero_grad()
        loss = self._loss(batch)
        backward(loss)
        if self.gradient_clip is not None:
            learnt = [p for group in optimizer.param_groups for p in group["params"]]
            self.network.clip(learnt, self.gradient_clip)
        optimizer.step()
        schedule_of(self).step()
        return loss.detach()

    def _loss(self, batch: Sequence[Tensor]) -> Tensor:
        """The sum over members of their mean losses over rows."""
        x, y, *weight = batch
        model = self.model
        x, y = model.inputs(x, model.dtype), model.targets(y, model.dtype)
        x, y = self.regularizer.disturb(x, y, model.num_members)
        mixture = self.network.per_member(x)
        loss, nll = self.objective(mixture, y)
        self._score(nll, weight, "train")
        loss = self.regularizer.penalize(mixture, loss)
        return _mean(loss, weight)

    def configure_optimizers(self) -> Any:
        optimizer = self.optimizer(self._parameter_groups())
        return [optimizer], [self.schedule(optimizer, self._total_steps())]

    def _total_steps(self) -> int:
        """Steps of gradient descent in the whole run, of which Lightning counts the calls."""
        calls = self.trainer.estimated_stepping_batches
        if math.isinf(calls):
            raise ValueError(
                "the learning rate follows from the number of steps, and this run has no end; set "
                "trainer.max_epochs to a number or to auto"
            )
        loader: Any = self.trainer.train_dataloader
        steps = getattr(loader, "num_steps", None)
        return int(calls if steps is None else calls / len(loader) * steps)

    def _parameter_groups(self) -> list[dict[str, Any]]:
        """One group for each learning rate; of biases and norms, which do not decay, another."""
        parts = {
            self.network.backbone: None,
            self.network.head.weights: self.mixture_lr,
            self.network.head.components: self.component_lr,
        }
        groups: dict[tuple[float | None, bool], list[nn.Parameter]] = {}
        for part, rate in parts.items():
            for parameter in (p for p in part.parameters() if p.numel()):
                decays = parameter.ndim > 2  # beside the axis of the members
                groups.setdefault((rate, decays), []).append(parameter)
        return [
            {"params": parameters}
            | ({} if rate is None else {"lr": rate})
            | ({} if decays else {"weight_decay": 0.0})
            for (rate, decays), parameters in groups.items()
        ]


def _mean(loss: Tensor, weight: Sequence[Tensor]) -> Tensor:
    """The sum over members of means over rows; 0 of a batch that has no weight at all."""
    rows = num_rows(loss, weight)
    return total(loss, weight) / (rows + (rows == 0))

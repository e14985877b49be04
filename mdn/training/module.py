"""The mixture density network, trained by gradient descent."""

import math
from collections.abc import Callable, Sequence
from typing import TypedDict, cast

import torch
from jaxtyping import Bool, Float
from lightning.pytorch.trainer.states import TrainerFn
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from mdn.data.batches import Block, Blocks, batches_of
from mdn.data.members import of_member, weight_by_member
from mdn.data.table import Table
from mdn.distributions.mixture import GaussianMixture
from mdn.distributions.open_settings import decided
from mdn.distributions.questions.partial import completed
from mdn.fitting.missing_targets import filled, gaussian_of
from mdn.fitting.start import kmeans_start
from mdn.model.checkpoint import MODEL, WEIGHTS
from mdn.networks.build import build_network
from mdn.networks.head import Part
from mdn.networks.kinds import Kind, count_features
from mdn.training.changed_settings import (
    GroupSettings,
    apply_settings,
    optimizes_otherwise,
    settings_of_groups,
)
from mdn.training.lightning_parts import bare_optimizer_of, optimizer_of, schedule_of
from mdn.training.mixture_module import MixtureModule, rows_of_each, total_of_each
from mdn.training.random_steps import step_draws
from mdn.training.recipe import Recipe
from mdn.training.running_sums import without_last
from mdn.training.safe_steps import SafeSteps, poisoned
from mdn.training.spikes import Spikes
from mdn.training.weight_average import WeightAverage

_USUAL = Recipe().resolve()

_SHRINK = 0.1
"""What the head's input-dependent weights are multiplied by at a start from data."""

_NETWORK = f"{MODEL}network."

_AVERAGE = "average"
"""Where a checkpoint keeps the weights in training, of which it holds the average."""

_MOST_RATE = 1e30
"""The largest learning rate: beyond it float32 ends."""


class _Earlier(TypedDict):
    """What a checkpoint keeps of an average that goes on."""

    in_training: dict[str, Tensor]
    count: int


def _earlier_average(kept: object) -> _Earlier | None:
    """Read what a checkpoint keeps of an average, which may be a stranger's.

    Raises:
        ValueError: if it is no average.
    """
    if kept is None:
        return None
    if isinstance(kept, dict):
        in_training, count = kept.get("in_training"), kept.get("count")
        if isinstance(in_training, dict) and type(count) is int and count >= 0:
            return _Earlier(in_training=in_training, count=count)
    raise ValueError(
        "the checkpoint keeps no average of weights where one should be; give another, or train "
        "again"
    )


class MDNModule(MixtureModule):
    """p(y given x) by gradient descent on the mean of an objective.

    Args:
        kinds: of the P inputs, fitted.
        num_targets: D.
        recipe: what is trained, and how, without open settings, as `Recipe(...).resolve()` gives.
            By default the usual one for a thousand rows.
    """

    def __init__(self, kinds: Sequence[Kind], num_targets: int, recipe: Recipe = _USUAL) -> None:
        kinds = recipe.encoded(kinds)
        network = build_network(
            recipe.backbone,
            count_features(kinds),
            num_targets,
            decided("num_components", recipe.num_components),
            recipe.family,
            recipe.ensemble_size,
            recipe.first_layer_gain,
            len(kinds),
        )
        super().__init__(kinds, num_targets, network)
        self.settings = recipe
        self._new_settings: Sequence[GroupSettings] = ()
        self._optimizes_otherwise = False
        self.average: WeightAverage | None = None
        """What the weights are averaged by from the start of a fit; None where they are not."""
        self._earlier: _Earlier | None = None

    def _start_network(self, y: Float[Tensor, "N D"], table: Table) -> None:
        if self.misses_targets:
            self.settings.objective.check_missing_targets()
            y = filled(y, gaussian_of(y, table.weight))
        if self.settings.start_from_data:
            head, y = self.network.head, y.to(self.model.dtype)
            counts = weight_by_member(table, self.network.num_members)
            for member in range(self.network.num_members):
                own = of_member(counts, member)
                mixture = kmeans_start(y, head.num_components, head.family, own, seed=member)
                head.start(mixture, _SHRINK, member)

    def make_steps_safe(self, usual_norms: Float[Tensor, "3 M"] | None) -> None:
        if self.settings.gradient_clip is not None:
            self.safe_steps = SafeSteps(self.network)
            return
        if usual_norms is None:
            usual_norms = torch.zeros(3, self.network.num_members)
        self.safe_steps = SafeSteps(
            self.network, Spikes(usual_norms.to(self.device, self.model.dtype))
        )

    def training_step(self, batch: Block, batch_index: int) -> Tensor:
        """A step of gradient descent for a batch, or for each batch of a block."""
        *earlier, last = batches_of(batch)
        call = self.trainer.fit_loop.total_batch_idx  # a resumed run counts on
        with step_draws(self.settings.seed, call, self.global_rank, self.device):
            for each in earlier:
                self._descend(each, bare_optimizer_of(self), Tensor.backward)
            # This one, being Lightning's, calls the hooks and moves the counters.
            return self._descend(last, optimizer_of(self), self.manual_backward)

    def _descend(
        self, batch: Sequence[Tensor], optimizer: Optimizer, backward: Callable[[Tensor], None]
    ) -> Tensor:
        optimizer.zero_grad()
        sums, buffers = dict(self._sums), self.safe_steps.buffers() if self.safe_steps else []
        loss = self._loss(batch)
        backward(loss)
        some_skip = self._step(optimizer, buffers)
        self._sums = without_last(self._sums, sums, some_skip)
        schedule_of(self).step()
        if self.average is not None:
            self.average.update()
        return loss.detach()

    def _step(self, optimizer: Optimizer, buffers: list[Tensor]) -> Bool[Tensor, ""] | None:
        clip, safe = self.settings.gradient_clip, self.safe_steps
        if clip is None and safe is None:
            optimizer.step()
            return None
        learnt = [p for group in optimizer.param_groups for p in group["params"]]
        norms = self.network.gradient_norms(learnt)
        if clip is not None:
            self.network.clip(learnt, norms, clip)
        if safe is not None:
            return safe.step(optimizer.step, bare_optimizer_of(self), norms, buffers)
        optimizer.step()
        return None

    def _loss(self, batch: Sequence[Tensor]) -> Tensor:
        """The sum over members of their mean losses over rows."""
        _, y, *weight = batch
        loss, nll = self.row_losses(batch)
        self._score(nll, weight, "train")
        if self.units_differ:
            self._count_units(y, weight, "train")
        return _mean(loss, weight)

    def row_losses(
        self, batch: Sequence[Tensor]
    ) -> tuple[Float[Tensor, "M N"], Float[Tensor, "M N"]]:
        """Return what a step of training minimizes for each member and row, and the nll."""
        x, y, *_ = batch
        model = self.model
        x = self.settings.regularizer.drop(x, model.inputs)
        x, y = model.inputs(x, model.dtype), model.targets(y, model.dtype)
        x, y = self.settings.regularizer.disturb(x, y, model.num_members)
        mixture = self.network.per_member(x)
        loss, nll = self._losses(mixture, y)
        return self.settings.regularizer.penalize(mixture, loss), nll

    def _losses(self, mixture: GaussianMixture, y: Tensor) -> tuple[Tensor, Tensor]:
        """The loss of each row and its nll, by the targets that it has."""
        if not self.misses_targets:
            return self.settings.objective(mixture, y)
        mixtures, rows, nats = completed(mixture, y)
        loss, nll = self.settings.objective(mixtures, rows)
        return loss - nats, nll - nats

    def configure_optimizers(self) -> tuple[list[Optimizer], list[LRScheduler]]:
        optimizer = self.settings.optimizer(self._parameter_groups())
        _check_rates(optimizer)
        steps = self._total_steps()
        schedule = self.settings.schedule(optimizer, steps)
        self._new_settings = settings_of_groups(optimizer)
        self._begin_average(self.settings.averaging * steps)
        return [optimizer], [schedule]

    def _begin_average(self, steps: float) -> None:
        self.average = WeightAverage(self.network, steps) if steps else None
        if self._earlier is not None:
            earlier = self.average or WeightAverage(self.network, 1)
            earlier.go_on(self._earlier["in_training"], self._earlier["count"])

    def on_validation_start(self) -> None:
        self._swap_average()

    def on_validation_end(self) -> None:
        self._swap_average()

    def on_train_end(self) -> None:
        self._swap_average()

    def _swap_average(self) -> None:
        if self.average is not None and self.trainer.state.fn == TrainerFn.FITTING:
            self.average.swap()

    def reset_component(
        self, component: int, y: Float[Tensor, " D"], x: Float[Tensor, "N P"]
    ) -> list[Part]:
        parts = super().reset_component(component, y, x)
        if self.average is not None:
            self.average.begin_anew(parts)
        return parts

    def on_save_checkpoint(self, checkpoint: dict[str, object]) -> None:
        super().on_save_checkpoint(checkpoint)
        if self.average is None:
            return
        weights = cast(dict[str, Tensor], checkpoint[WEIGHTS])
        weights |= {f"{_NETWORK}{name}": value for name, value in self.average.averaged.items()}
        checkpoint[_AVERAGE] = _Earlier(
            in_training=dict(self.average.in_training), count=self.average.count
        )

    def on_load_checkpoint(self, checkpoint: dict[str, object]) -> None:
        super().on_load_checkpoint(checkpoint)
        self._optimizes_otherwise = optimizes_otherwise(self.model.card.model, checkpoint)
        self._earlier = _earlier_average(checkpoint.get(_AVERAGE))

    def on_train_start(self) -> None:
        super().on_train_start()
        if self._optimizes_otherwise:
            apply_settings(bare_optimizer_of(self), schedule_of(self), self._new_settings)

    def _total_steps(self) -> int:
        """Steps of gradient descent in the whole run, of which Lightning counts the calls."""
        calls = self.trainer.estimated_stepping_batches
        if math.isinf(calls):
            raise ValueError(
                "the learning rate follows from the number of steps, and this run has no end; set "
                "`max_epochs` to a number or to auto"
            )
        loader = self.trainer.train_dataloader
        return int(calls / len(loader) * loader.num_steps if isinstance(loader, Blocks) else calls)

    def _parameter_groups(self) -> list[dict[str, object]]:
        """A group for each learning rate, and one for its biases and norms, which do not decay."""
        parts = {
            self.network.backbone: None,
            self.network.head.weights: self.settings.mixture_lr,
            self.network.head.components: self.settings.component_lr,
        }
        groups: dict[tuple[float | None, bool], list[nn.Parameter]] = {}
        for part, rate in parts.items():
            for parameter in (p for p in part.parameters() if p.numel()):
                decays = parameter.ndim > 2  # beside the axis of the members
                groups.setdefault((rate, decays), []).append(parameter)
        return [
            {
                "params": parameters,
                **({} if rate is None else {"lr": rate}),
                **({} if decays else {"weight_decay": 0.0}),
            }
            for (rate, decays), parameters in groups.items()
        ]


def _check_rates(optimizer: Optimizer) -> None:
    """Refuse learning rates whose steps torch could not write down in float32."""
    rate = max(float(group["lr"]) for group in optimizer.param_groups)
    if not rate <= _MOST_RATE:
        raise ValueError(
            f"`lr` must be at most {_MOST_RATE:g}, got {rate:g}; usual is 0.001 to 0.1"
        )


def _mean(loss: Tensor, weight: Sequence[Tensor]) -> Tensor:
    """The sum over members of means over rows; 0 of a batch that has no weight at all."""
    rows = rows_of_each(loss, weight)
    return (poisoned(total_of_each(loss, weight)) / (rows + (rows == 0))).sum()

"""The LightningModule of a Gaussian mixture that is fitted by exact EM."""

from collections.abc import Sequence
from functools import partial, reduce
from operator import add
from typing import cast

import torch
from jaxtyping import Float
from torch import Tensor
from torch.optim import SGD, Optimizer

from mdn.data.batches import Block, batches_of
from mdn.data.table import Table
from mdn.distributions.mixture import GaussianMixture
from mdn.distributions.open_settings import decided
from mdn.fitting.em import (
    Ascent,
    EStep,
    Statistics,
    Tolerance,
    check_mixture_fits,
    e_step_rows,
    fit_em,
)
from mdn.fitting.em.course import Course
from mdn.fitting.start import start_named
from mdn.networks.backbones import NoBackbone
from mdn.networks.build import build_network
from mdn.networks.head import Part
from mdn.networks.kinds import Kind, count_features
from mdn.training.lightning_parts import optimizer_of
from mdn.training.mixture_module import MixtureModule
from mdn.training.recipe import EMRecipe
from mdn.training.running_sums import of_each_process, own

_USUAL = EMRecipe().resolve()

_TRIAL_UPDATES = 10
"""Updates after which several starts are compared."""

_UNFINISHED = "em_statistics"
"""Where a checkpoint keeps the statistics of an epoch that is under way."""


class EMModule(MixtureModule):
    """p(y), one Gaussian mixture for every row: an epoch is one exact update of EM.

    Training batches only add to the statistics of the epoch, and the last one closes it with the
    M-step, so neither their size nor their order nor the number of processes matters. The run
    ends when the likelihood does not rise any more. Everything is in float64.

    Args:
        kinds: of the P inputs, which are there, and are not looked at.
        num_targets: D.
        recipe: what is fitted, and until when, without open settings, as `resolve` gives.

    Raises:
        ValueError: if the mixture does not fit into memory.
    """

    def __init__(self, kinds: Sequence[Kind], num_targets: int, recipe: EMRecipe = _USUAL) -> None:
        num_components = decided("num_components", recipe.num_components)
        check_mixture_fits(num_components, num_targets)
        features = count_features(kinds)
        network = build_network(NoBackbone, features, num_targets, num_components, recipe.family)
        super().__init__(kinds, num_targets, network)
        self.double()
        self.settings = recipe
        origin = torch.zeros(num_targets, dtype=torch.float64)
        tolerance = Tolerance(recipe.tol, recipe.relative_tol)
        self.ascent = Ascent(self.mixture, recipe.family, origin, tolerance)
        self._e_step: EStep | None = None
        self._statistics: Statistics | None = None

    @property
    def mixture(self) -> GaussianMixture:
        """p(y) as it stands, standardized."""
        return self.network(self.model.inputs.example()[None])[0].detach()

    @property
    def outcome(self) -> dict[str, float | bool]:
        """Whether it has come to rest, and components that had lost their rows."""
        return {
            "converged": self.ascent.converged,
            "singularity/revived": sum(self.ascent.revivals),
        }

    def configure_optimizers(self) -> Optimizer:
        # Lightning counts the steps of an optimizer; this one moves nothing but that count.
        return SGD(self.parameters(), lr=0.0)

    def _start_network(self, y: Float[Tensor, "N D"], table: Table) -> None:
        self._become(self._first(y, table.weight))

    def _first(
        self, y: Float[Tensor, "N D"], weight: Float[Tensor, " N"] | None
    ) -> GaussianMixture:
        if self.settings.n_init == 1:
            start = start_named(self.settings.start_from)
            return start(y, self.model.num_learned, self.model.family, weight, self.settings.seed)
        trials = fit_em(
            y,
            self.model.num_learned,
            self.model.family,
            weight=weight,
            start=self.settings.start_from,
            n_init=self.settings.n_init,
            max_iter=_TRIAL_UPDATES,
            seed=self.settings.seed,
        )
        return trials.mixture

    def _become(self, mixture: GaussianMixture) -> None:
        self.network.head.start(mixture, shrink=0.0)

    def training_step(self, batch: Block, batch_index: int) -> Tensor:
        """Statistics of a batch, or of each batch of a block."""
        if self._e_step is None:
            self.ascent.mixture = self.mixture  # a callback may have reset components
            self._e_step = self.ascent.e_step()
        batches = batches_of(batch)
        some = reduce(add, (self._expect(self._e_step, *each) for each in batches))
        for _, y, *weight in batches if self.units_differ else []:
            self._count_units(y, weight, "train")
        self._statistics = some if self._statistics is None else self._statistics + some
        self._add("train", -some.log_likelihood, some.weight)
        optimizer_of(self).step()
        # Not at the end of the epoch: validation comes before that, and perhaps a checkpoint.
        if self.trainer.is_last_batch:
            self._update()
        # A batch may hold nothing but rows of weight zero.
        return -some.log_likelihood / some.weight.clamp(min=torch.finfo(some.weight.dtype).tiny)

    def _expect(
        self, e_step: EStep, x: Tensor, y: Tensor, weight: Tensor | None = None
    ) -> Statistics:
        head = self.network.head
        size = e_step_rows(head.num_components, head.num_targets)
        rows = self.model.targets(y, torch.float64)
        weight = torch.ones_like(rows[:, 0]) if weight is None else weight
        pieces = zip(rows.split(size), weight.split(size), strict=True)
        return reduce(add, (e_step(*piece) for piece in pieces))

    def _update(self) -> None:
        assert self._statistics is not None
        reduce_sum = partial(self.trainer.strategy.reduce, reduce_op="sum")
        self.ascent.update(self._statistics.reduce(reduce_sum))
        self._become(self.ascent.mixture)
        self._e_step = self._statistics = None
        self._log_revived()

    def on_train_epoch_end(self) -> None:
        super().on_train_epoch_end()
        if self.ascent.converged:  # and no callback has reset a component since
            self.trainer.should_stop = True

    def reset_component(
        self, component: int, y: Float[Tensor, " D"], x: Float[Tensor, "N P"]
    ) -> list[Part]:
        self.ascent.converged = False
        return super().reset_component(component, y, x)

    def _log_revived(self) -> None:
        counts = {f"singularity/revived/{k}": float(n) for k, n in enumerate(self.ascent.revivals)}
        counts["singularity/revived"] = sum(counts.values())
        for logger in self.loggers:
            logger.log_metrics(counts, step=self.trainer.global_step)

    def on_save_checkpoint(self, checkpoint: dict[str, object]) -> None:
        super().on_save_checkpoint(checkpoint)
        checkpoint["em"] = self.ascent.state_dict()
        if self._statistics is not None:
            sums = of_each_process(self.trainer, self._statistics.flat())
            checkpoint[_UNFINISHED] = {"sums": sums, "about": self._statistics.about}

    def on_load_checkpoint(self, checkpoint: dict[str, object]) -> None:
        super().on_load_checkpoint(checkpoint)
        self.ascent.load_state_dict(cast(Course, checkpoint["em"]))
        if _UNFINISHED in checkpoint:
            saved = cast(dict[str, Tensor], checkpoint[_UNFINISHED])
            sums = own(self.trainer, saved["sums"])
            self._statistics = Statistics.of_flat(sums, saved["about"].to(sums))

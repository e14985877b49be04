"""Resets of dead and singular components, a limited number of times."""

from collections.abc import Iterable
from typing import Any, NamedTuple

import torch
from jaxtyping import Bool, Float
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.utilities import rank_zero_warn
from torch import Tensor
from torch.optim import Optimizer

from mdn.data.members import weight_by_member
from mdn.data.seeds import generator
from mdn.data.table import Table
from mdn.distributions.checks import (
    check_at_least,
    check_fraction,
    check_one_of,
    check_seed,
)
from mdn.fitting.singularity import Thresholds, find_degenerate, reset_rows, tally
from mdn.model.evaluation_mode import evaluation_mode
from mdn.model.model import Model
from mdn.networks.head import Part
from mdn.training.callbacks.component_tags import component_tags
from mdn.training.callbacks.watched_module import mixture_module
from mdn.training.lightning_parts import train_table_of
from mdn.training.mixture_module import MixtureModule

_USUAL = Thresholds()

TAG = "singularity/resets"

_CHUNK = 8192

_MANY = 0.1
"""The share of components that no reset helps, above which there is something to say."""


class SingularityReset(Callback):
    """Resets components that are dead or singular, as `mdn.fitting.singularity` defines these.

    ```yaml
    singularity_reset:
      _target_: mdn.training.callbacks.singularity_reset.SingularityReset
      every_n_epochs: 5
      until: 0.5
      patience: 2
      max_resets: 3
      on_exhausted: warn
      seed: ${seed}
      thresholds: {_target_: mdn.fitting.singularity.Thresholds, ...}
    ```

    A component that was reset has its mean at a training row that is explained badly, a weight
    beside the others of 1/(K + 1) on average if it had been dead, 1/K of the targets' volume, and
    no memory in the optimizer. How often that happened is logged as `singularity/resets`, and for
    each component as `singularity/resets/<k>`; where there are more than 20 components, the
    `min`, `median` and `max` of these. The first process decides for all of them. Members of an
    ensemble are judged one by one; their components are counted on, member after member.

    Args:
        every_n_epochs: how often to look.
        until: the fraction of the training steps after which it looks no more, so that what has
            been reset has a schedule left to learn by.
        patience: how many looks in a row must find a component degenerate before it is reset.
        max_resets: how often one component may be reset.
        on_exhausted: "warn" to leave such components as they are, with a warning at the end where
            they are more than a tenth; "raise" to end the run.
        seed: from which the rows follow that components are reset to.
        thresholds: what counts as dead or singular.
    """

    def __init__(
        self,
        every_n_epochs: int = 5,
        until: float = 0.5,
        patience: int = 2,
        max_resets: int = 3,
        on_exhausted: str = "warn",
        seed: int = 0,
        thresholds: Thresholds = _USUAL,
    ) -> None:
        counts = {"every_n_epochs": every_n_epochs, "patience": patience, "max_resets": max_resets}
        for name, count in counts.items():
            check_at_least(name, count, 1)
        check_fraction("until", until)
        check_one_of("on_exhausted", on_exhausted, ("warn", "raise"))
        check_seed("seed", seed)
        self.every_n_epochs = every_n_epochs
        self.until = until
        self.patience = patience
        self.max_resets = max_resets
        self.on_exhausted = on_exhausted
        self.seed = seed
        self.thresholds = thresholds
        self.resets: dict[int, int] = {}
        self.degenerate_for: dict[int, int] = {}
        self.given_up: set[int] = set()

    @property
    def total(self) -> int:
        """Count the resets so far, of any component."""
        return sum(self.resets.values())

    @property
    def outcome(self) -> dict[str, float | bool]:
        """Tell how many resets there were."""
        return {TAG: self.total}

    def state_dict(self) -> dict[str, object]:
        return {
            "resets": self.resets,
            "degenerate_for": self.degenerate_for,
            "given_up": sorted(self.given_up),
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.resets = dict(state_dict["resets"])
        self.degenerate_for = dict(state_dict["degenerate_for"])
        self.given_up = set(state_dict["given_up"])

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        early = trainer.global_step < self.until * trainer.estimated_stepping_batches
        if early and (trainer.current_epoch + 1) % self.every_n_epochs == 0:
            self._look(trainer, mixture_module(pl_module))

    def _look(self, trainer: Trainer, module: MixtureModule) -> None:
        table = train_table_of(trainer)
        min_scale = module.model.family.floor
        with evaluation_mode(module):
            seen = survey(module.model, table, self.thresholds.floor_factor * min_scale)
            plan = self._plan(seen, trainer.current_epoch, min_scale)
            for component, row in trainer.strategy.broadcast(plan):
                y, x = table.y[row], table.x[:: len(table) // _CHUNK + 1]
                owned = module.reset_component(component, y.to(module.device), x.to(module.device))
                forget(trainer.optimizers, owned)
                self.resets[component] = self.resets.get(component, 0) + 1
                self.degenerate_for.pop(component, None)
        self._log(trainer, module.model.num_learned)

    def _plan(self, seen: "Survey", epoch: int, min_scale: float) -> list[tuple[int, int]]:
        """(component, row) of each reset; a member's rows are those that it explains badly."""
        degenerate = find_degenerate(seen.sums, self.thresholds)
        due = self._due(degenerate.flatten(), min_scale)
        draws = generator("restarts", self.seed, epoch)  # a word that the numbers depend on
        plan = []
        weights = seen.weight.expand_as(seen.log_prob)
        for member, (log_prob, weight) in enumerate(zip(seen.log_prob, weights, strict=True)):
            components = [c for c in due if c // degenerate.shape[-1] == member]
            rows = reset_rows(log_prob, weight, len(components), draws)
            plan += zip(components, rows.tolist(), strict=False)
        return plan

    def _due(self, degenerate: Bool[Tensor, " components"], min_scale: float) -> list[int]:
        """Components to reset now; what is known of each is brought up to date."""
        components = degenerate.nonzero().squeeze(-1).tolist()
        self.degenerate_for = {k: self.degenerate_for.get(k, 0) + 1 for k in components}
        due = [k for k in components if self.degenerate_for[k] >= self.patience]
        exhausted = {k for k in due if self.resets.get(k, 0) >= self.max_resets}
        newly = exhausted - self.given_up
        self.given_up |= exhausted
        if newly and self.on_exhausted == "raise":
            raise ValueError(self._advice(len(degenerate), min_scale))
        return [k for k in due if k not in exhausted]

    def on_fit_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        model = mixture_module(pl_module).model
        if len(self.given_up) > _MANY * model.num_learned:
            advice = self._advice(model.num_learned, model.family.floor)
            rank_zero_warn(f"{advice}; they are left as they were")

    def _advice(self, num_components: int, min_scale: float) -> str:
        return (
            f"{len(self.given_up)} of {num_components} components were reset "
            f"{self.max_resets} times and were dead or singular again; lower "
            f"`num_components`, raise `min_scale` (now {min_scale}), or look for repeated rows in "
            "the data"
        )

    def _log(self, trainer: Trainer, num_components: int) -> None:
        of_each = [float(self.resets.get(k, 0)) for k in range(num_components)]
        counts = {
            TAG: float(self.total),
            **component_tags(TAG, of_each),
        }
        for logger in trainer.loggers:
            logger.log_metrics(counts, step=trainer.global_step)


class Survey(NamedTuple):
    """Sums over the training rows for each component, and the fit of each row.

    Attributes:
        sums: as `tally` gives them.
        log_prob: of each row under each member, standardized.
        weight: of each row, for all members alike or for each; 0 where it holds the row out.
    """

    sums: Float[Tensor, "4 M K"]
    log_prob: Float[Tensor, "M N"]
    weight: Float[Tensor, "*M N"]


def survey(model: Model, table: Table, floor: float) -> Survey:
    """Pass over the training rows once, in chunks."""
    sums, log_prob = [], []
    weight = weight_by_member(table, model.num_members)
    weight = torch.ones(len(table)) if weight is None else weight.movedim(-1, 0)
    weight = weight.double()
    rows = table.x.split(_CHUNK), table.y.split(_CHUNK), weight.split(_CHUNK, -1)
    for x, y, share in zip(*rows, strict=True):
        mixture, y = model.per_member(x.to(model.device), y.to(model.device))
        mixtures = mixture.expand(model.num_members, len(x))
        sums.append(tally(mixtures, y, share.to(y), floor))
        log_prob.append(mixtures.observed_log_prob(y).cpu())
    return Survey(torch.stack(sums).sum(0), torch.cat(log_prob, -1), weight)


def forget(optimizers: Iterable[Optimizer], owned: list[Part]) -> None:
    """Clear the moments and momentum that optimizers keep for some parts of parameters."""
    for parameter, part in owned:
        for optimizer in optimizers:
            for memory in optimizer.state.get(parameter, {}).values():
                if isinstance(memory, Tensor) and memory.shape == parameter.shape:
                    memory[part] = 0

"""Dead and singular components get another chance, a counted number of times."""

from collections.abc import Iterable
from typing import Any, NamedTuple

import torch
from jaxtyping import Bool, Float
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.utilities import rank_zero_warn
from torch import Tensor
from torch.optim import Optimizer

from mdn.data.seeds import generator
from mdn.data.table import Table
from mdn.fitting.singularity import Thresholds, find_ill, restart_rows, tally
from mdn.networks.head import Part
from mdn.training.callbacks.component_tags import component_tags
from mdn.training.callbacks.evaluating import evaluating
from mdn.training.mixture_module import MixtureModule

_CHUNK = 8192

_MANY = 0.1
"""The share of components that no restart helps, above which there is something to say."""


class SingularityReset(Callback):
    """Begins components anew that are dead or singular, as `mdn.fitting.singularity` defines these.

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

    A restarted component has its mean at a training row that is explained badly, a weight beside
    the others of 1/(K + 1) on average if it had been dead, 1/K of the targets' volume, and no
    memory in the optimizer. How often that happened is logged as `singularity/resets`, and for
    each component as `singularity/resets/<k>`; where there are more than 20 components, the
    `min`, `median` and `max` of these. The first process decides for all of them. Members of an
    ensemble are judged one by one; their components are counted on, member after member.

    Args:
        every_n_epochs: how often to look.
        until: the fraction of the training steps after which it looks no more, so that what has
            been restarted has a schedule left to learn by.
        patience: how many looks in a row must find a component ill before it is restarted.
        max_resets: how often one component may be restarted.
        on_exhausted: "warn" to leave such a component as it is, with a word at the end where they
            are more than a tenth; "raise" to end the run.
        seed: from which the rows follow that restarts begin at.
        thresholds: what counts as dead or singular.
    """

    def __init__(
        self,
        every_n_epochs: int,
        until: float,
        patience: int,
        max_resets: int,
        on_exhausted: str,
        seed: int,
        thresholds: Thresholds,
    ) -> None:
        if min(every_n_epochs, patience, max_resets) < 1:
            raise ValueError(
                "every_n_epochs, patience and max_resets must be at least 1, got "
                f"{every_n_epochs}, {patience} and {max_resets}"
            )
        if on_exhausted not in ("warn", "raise"):
            raise ValueError(f"on_exhausted must be warn or raise, got {on_exhausted!r}")
        self.every_n_epochs = every_n_epochs
        self.until = until
        self.patience = patience
        self.max_resets = max_resets
        self.on_exhausted = on_exhausted
        self.seed = seed
        self.thresholds = thresholds
        self.resets: dict[int, int] = {}
        self.ill_for: dict[int, int] = {}
        self.given_up: set[int] = set()

    @property
    def total(self) -> int:
        """Restarts so far, of any component."""
        return sum(self.resets.values())

    def state_dict(self) -> dict[str, Any]:
        return {"resets": self.resets, "ill_for": self.ill_for}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.resets, self.ill_for = dict(state_dict["resets"]), dict(state_dict["ill_for"])

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        early = trainer.global_step < self.until * trainer.estimated_stepping_batches
        if early and (trainer.current_epoch + 1) % self.every_n_epochs == 0:
            self._look(trainer, pl_module)  # pyright: ignore[reportArgumentType]

    def _look(self, trainer: Trainer, module: MixtureModule) -> None:
        table: Table = trainer.datamodule.train_table  # pyright: ignore[reportAttributeAccessIssue]
        min_scale = module.family.min_scale
        with evaluating(module):
            seen = survey(module, table, self.thresholds.floor_factor * min_scale)
            plan = self._plan(seen, trainer.current_epoch, min_scale)
            for component, row in trainer.strategy.broadcast(plan):
                y, x = table.y[row], table.x[:: len(table) // _CHUNK + 1]
                owned = module.restart(component, y.to(module.device), x.to(module.device))
                forget(trainer.optimizers, owned)
                self.resets[component] = self.resets.get(component, 0) + 1
                self.ill_for.pop(component, None)
        self._log(trainer, module.num_components)

    def _plan(self, seen: "Survey", epoch: int, min_scale: float) -> list[tuple[int, int]]:
        """(component, row) of each restart; a member's rows are those that it explains badly."""
        ill = find_ill(seen.sums, self.thresholds)
        due = self._due(ill.flatten(), min_scale)
        draws = generator("restarts", self.seed, epoch)
        plan = []
        for member, log_prob in enumerate(seen.log_prob):
            own = [c for c in due if c // ill.shape[-1] == member]
            rows = restart_rows(log_prob, seen.weight, len(own), draws)
            plan += zip(own, rows.tolist(), strict=False)
        return plan

    def _due(self, ill: Bool[Tensor, " components"], min_scale: float) -> list[int]:
        """Components to restart now; what is known of each is brought up to date."""
        patients = [k for k, is_ill in enumerate(ill.tolist()) if is_ill]
        self.ill_for = {k: self.ill_for.get(k, 0) + 1 for k in patients}
        due = [k for k in patients if self.ill_for[k] >= self.patience]
        helped = [k for k in due if self.resets.get(k, 0) < self.max_resets]
        for k in due:
            if k not in helped and self.ill_for[k] == self.patience:
                self.given_up.add(k)
                if self.on_exhausted == "raise":
                    raise ValueError(self._advice(len(ill), min_scale))
        return helped

    def on_fit_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        module: MixtureModule = pl_module  # pyright: ignore[reportAssignmentType]
        if len(self.given_up) > _MANY * module.num_components:
            advice = self._advice(module.num_components, module.family.min_scale)
            rank_zero_warn(f"{advice}; they are left as they were")

    def _advice(self, num_components: int, min_scale: float) -> str:
        return (
            f"{len(self.given_up)} of {num_components} components were restarted "
            f"{self.max_resets} times and were dead or singular again; lower num_components, raise "
            f"family.min_scale (now {min_scale}), or look for repeated rows in the data"
        )

    def _log(self, trainer: Trainer, num_components: int) -> None:
        of_each = [float(self.resets.get(k, 0)) for k in range(num_components)]
        counts = {
            "singularity/resets": float(self.total),
            **component_tags("singularity/resets", of_each),
        }
        for logger in trainer.loggers:
            logger.log_metrics(counts, step=trainer.global_step)


class Survey(NamedTuple):
    """What the training rows say of the components.

    Attributes:
        sums: as `tally` gives them.
        log_prob: of each row under each member, standardised.
        weight: of each row.
    """

    sums: Float[Tensor, "4 M K"]
    log_prob: Float[Tensor, "M N"]
    weight: Float[Tensor, " N"]


def survey(module: MixtureModule, table: Table, floor: float) -> Survey:
    """One pass over the training rows, in chunks."""
    sums, log_prob = [], []
    weight = torch.ones(len(table)).double() if table.weight is None else table.weight
    for x, y, share in zip(*(v.split(_CHUNK) for v in (table.x, table.y, weight)), strict=True):
        mixture, y = module.per_member(x.to(module.device), y.to(module.device))
        mixtures = mixture.expand(module.num_members, len(x))
        sums.append(tally(mixtures, y, share.to(y), floor))
        log_prob.append(mixtures.log_prob(y).cpu())
    return Survey(torch.stack(sums).sum(0), torch.cat(log_prob, -1), weight)


def forget(optimizers: Iterable[Optimizer], owned: list[Part]) -> None:
    """Clear what optimizers remember of some parts of parameters: moments and momentum."""
    for parameter, part in owned:
        for optimizer in optimizers:
            for memory in optimizer.state.get(parameter, {}).values():
                if isinstance(memory, Tensor) and memory.shape == parameter.shape:
                    memory[part] = 0

"""What every model is to Lightning while it is fitted: steps, sums over epochs, and logs."""

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import cast

import torch
from jaxtyping import Float, Shaped
from lightning.pytorch import LightningModule
from torch import Tensor

from mdn.data.splits.folds import FOLD
from mdn.data.table import Table
from mdn.distributions.abstract import Mixture
from mdn.fitting.missing_targets import gaussian_of
from mdn.fitting.pool_needs import longer_training
from mdn.fitting.reset import reset_component
from mdn.model.card import ModelCard
from mdn.model.checkpoint import CARD
from mdn.model.model import Model
from mdn.networks.head import Part
from mdn.networks.kinds import Kind
from mdn.networks.network import MixtureNetwork
from mdn.networks.standardize import Standardizer
from mdn.training.candidates import Candidates
from mdn.training.changed_settings import keep_patience
from mdn.training.lightning_parts import stand_where_stopped, train_table_of
from mdn.training.processes import close_group_at_exit
from mdn.training.resumed_loop import STOPPED, was_stopped
from mdn.training.running_sums import SavedSum, Sums, own_sums, saved_sums
from mdn.training.safe_steps import SafeSteps
from mdn.training.spread import HalfSpreads

_SUMS = "sums"
"""Where a checkpoint keeps what has been added up in an epoch that is under way."""

_METRICS = "metrics"
"""Where it keeps what has been logged for callbacks."""


class MixtureModule(LightningModule):
    """A model in training; a subclass says how it is fitted.

    Batches are (x, y) or (x, y, weight) in the user's units. The weight is [N], or [N, M] where
    members learn from unlike rows; and x [N, M, P] and y [N, M, D] are rows of each member's own.
    The scores of both are means over pairs of a row and a member, while all others are scores of
    the pool. The first `setup("fit")` takes the units, and where to start, from the datamodule's
    training rows.

    Args:
        kinds: of the P inputs, fitted.
        num_targets: D.
        network: from standardized inputs to a standardized mixture.
    """

    def __init__(self, kinds: Sequence[Kind], num_targets: int, network: MixtureNetwork) -> None:
        super().__init__()
        self.automatic_optimization = False
        self.model = Model(network, ModelCard.of_columns(kinds, num_targets))
        self.val_nll_of_members: Float[Tensor, " M"] = torch.empty(0)
        """Each member's own nll of the last validation, standardized."""
        self.candidates = Candidates()
        """Smoothings and guards that each validation tries; its score is that of the best."""
        self.half_spreads: HalfSpreads | None = None
        """What predicts rows held out where spreads are learned again on them, after training."""
        self.cross_fitted = False
        """Whether members hold out parts of their own."""
        self.misses_targets = False
        """Whether some training row lacks a target, so that each counts by those that it has."""
        self.kept: Mapping[str, object] = {}
        """What checkpoints keep beside the card, as plain data."""
        self.safe_steps: SafeSteps | None = None
        """What decides which steps of gradient descent to skip; None to take them all."""
        self._sums: Sums = {}
        self._earlier_metrics: Mapping[str, Tensor] = {}
        self._was_stopped = False

    @abstractmethod
    def _start_network(self, y: Float[Tensor, "N D"], table: Table) -> None:
        """Begin at what standardized targets y of a table tell, in float64."""

    def forward(self, x: Float[Tensor, "N P"]) -> Mixture:
        return self.model(x)

    @property
    def network(self) -> MixtureNetwork:
        """What is trained: from standardized inputs to a standardized mixture."""
        return self.model.network

    @property
    def units_differ(self) -> bool:
        """Whether the units of the density differ between rows."""
        return self.misses_targets or bool(self.model.targets.transforms)

    @property
    def longer_than_best(self) -> float:
        """By what the best number of epochs is multiplied, which single networks have told."""
        return longer_training(self.model.num_members) if self.cross_fitted else 1.0

    @property
    def outcome(self) -> dict[str, float | bool]:
        """What there is to say of the fit besides its scores."""
        return {}

    def reset_component(
        self, component: int, y: Float[Tensor, " D"], x: Float[Tensor, "N P"]
    ) -> list[Part]:
        """Begin one component anew, as `mdn.fitting.reset` does."""
        return reset_component(self.model, component, y, x)

    def make_steps_safe(self, usual_norms: Float[Tensor, "3 M"] | None) -> None:
        """Skip unsafe steps of gradient descent from now on; EM takes none.

        Args:
            usual_norms: what an earlier part of the run knows of norms of gradients.
        """

    def setup(self, stage: str) -> None:
        close_group_at_exit()
        if stage == "fit" and not self.model.started:
            self.start(train_table_of(self.trainer))

    def start(self, table: Table) -> None:
        """Take the units, and where to start, from the training rows.

        Units are of all rows, folds or not: they are the same for all members. Each member starts
        from rows that it does not hold out.
        """
        self.cross_fitted = FOLD in table.marks
        self.model.fit_units(table)
        y = self.model.targets(table.y, torch.float64)
        self.misses_targets = table.misses_targets
        if self.misses_targets:
            covariance = gaussian_of(y, table.weight).scale.covariance()[0]
            factor = self.model.targets.factor
            self.model.target_covariance.copy_(factor[:, None] * covariance * factor)
            self._start_marginal(table)
        self._start_network(y, table)
        self.model.started.fill_(True)

    def _start_marginal(self, table: Table) -> None:
        """Take the Gaussian that ignores x on the scale of the user, if that is another one."""
        if self.model.targets.transforms:
            units = Standardizer(table.y.shape[1]).fit(table.y, table.weight)
            gaussian = gaussian_of(units(table.y, torch.float64), table.weight)
            covariance = gaussian.scale.covariance()[0]
            self.model.user_covariance.copy_(units.factor[:, None] * covariance * units.factor)

    def validation_step(self, batch: Sequence[Tensor], batch_index: int) -> None:
        (x, y), weight = map(members_first, batch[:2]), batch[2:]
        mixture, z = self.model.per_member(x, y)
        each = self.candidates.nll(self.model, mixture, z)
        self._score(each, weight, "val")
        self._count_units(y, weight, "val")
        self._add("val/members", total_of_each(each[0], weight), rows_of_each(each[0], weight))

    def test_step(self, batch: Sequence[Tensor], batch_index: int) -> None:
        _, weight = self.count(batch, "test")
        self._count_units(batch[1], weight, "test")

    def count(
        self, batch: Sequence[Tensor], stage: str
    ) -> tuple[Float[Tensor, "M N"], Sequence[Tensor]]:
        """Add a batch to the mean nll of the pool; return each member's nll, and the weights."""
        x, y, *weight = batch
        mixture, y = self.model.per_member(x, y)
        nll = -mixture.observed_log_prob(y)
        self._score(nll, weight, stage)
        return nll, weight

    def _score(
        self, nll: Float[Tensor, "*candidates M N"], weight: Sequence[Tensor], stage: str
    ) -> None:
        """Count the nll of the pool, which follows from each member's; or of single members."""
        if weight and weight[0].ndim == 2:
            each = total_of_each(nll.detach(), weight).sum(-1)
            self._add(stage, each, num_rows(nll, weight))
            return
        log_prob = self.network.pool(-nll.detach().movedim(-2, 0))
        self._add(stage, -total_of_each(log_prob, weight), num_rows(log_prob, weight))

    def _count_units(
        self, y: Float[Tensor, "*rows D"], weight: Sequence[Tensor], stage: str
    ) -> None:
        """Count what the units of rows differ by, which their standardized nll does not tell."""
        nats = self.model.targets.row_units(y)
        self._add(f"{stage}/units", total(nats, weight), num_rows(nats, weight))

    def _add(self, stage: str, total: Float[Tensor, "*of"], rows: Tensor | int) -> None:
        """Sums wait on the device for the end of the epoch: no synchronization in a step."""
        sums = self._sums.get(stage, (0.0, 0))
        self._sums[stage] = (sums[0] + total.double(), sums[1] + rows)

    def on_train_start(self) -> None:
        stand_where_stopped(self.trainer, self._earlier_metrics)
        self.trainer.should_stop |= self._was_stopped

    def on_train_epoch_end(self) -> None:
        self._log_nll("train")

    def on_validation_epoch_end(self) -> None:
        self._log_nll("val")
        self.val_nll_of_members = self.mean_nll("val/members")

    def on_test_epoch_end(self) -> None:
        self._log_nll("test")

    def _log_nll(self, stage: str) -> None:
        """Log the mean over all rows, in the user's units; the least of candidates."""
        of_candidates, log_det = self.mean_nll(stage), self.model.targets.log_det()
        best = of_candidates.nan_to_num(torch.inf).argmin()  # there is one where nothing is tried
        standardized = of_candidates.reshape(-1)[best]
        if f"{stage}/units" in self._sums:
            log_det = log_det + self.mean_nll(f"{stage}/units")
        self.log(f"{stage}/nll_standardized", standardized, rank_zero_only=True)
        self.log(f"{stage}/nll", standardized - log_det, prog_bar=True)

    def mean_nll(self, stage: str) -> Float[Tensor, "*of"]:
        """Return the exact mean over what was counted in all processes; the count begins anew."""
        total, rows = self._all_of(stage)
        return total / rows

    def _all_of(self, stage: str) -> tuple[Float[Tensor, "*of"], Float[Tensor, "*M"]]:
        """What all processes have counted, and of how many rows; the count begins anew."""
        total, rows = self._sums.pop(stage)
        rows = torch.as_tensor(rows).to(total)
        sums = torch.cat([total.view(-1), rows.view(-1)])
        reduced = self.trainer.strategy.reduce(sums, reduce_op="sum")
        totals, of_rows = reduced.split([total.numel(), rows.numel()])
        return totals.view(total.shape), of_rows.view(rows.shape)

    def on_save_checkpoint(self, checkpoint: dict[str, object]) -> None:
        checkpoint |= {**self.kept, CARD: self.model.card.plain()}
        # A validation that is under way begins anew.
        checkpoint[_SUMS] = saved_sums(self.trainer, self._sums, "train")
        checkpoint[_METRICS] = dict(self.trainer.callback_metrics)
        checkpoint[STOPPED] = self.trainer.should_stop

    def on_load_checkpoint(self, checkpoint: dict[str, object]) -> None:
        saved = cast(Mapping[str, SavedSum], checkpoint.get(_SUMS, {}))
        self._sums = own_sums(self.trainer, saved)
        keep_patience(self.trainer, checkpoint)
        self._was_stopped = was_stopped(checkpoint, self.kept)
        self._earlier_metrics = cast(Mapping[str, Tensor], checkpoint.get(_METRICS, {}))


def members_first(rows: Float[Tensor, " N *rest"]) -> Float[Tensor, "..."]:
    """Return rows [N, _] as they are, and rows of each member's own, [N, M, _], as [M, N, _]."""
    return rows.transpose(0, 1) if rows.ndim == 3 else rows


def total_of_each(
    values: Float[Tensor, "*members N"], weight: Sequence[Tensor]
) -> Float[Tensor, "*each"]:
    """Return the sum over rows, weighted where there is a weight, [N] or [N, M]; then of M."""
    return (_by_member(weight).to(values) * values).sum(-1) if weight else values.sum(-1)


def total(values: Float[Tensor, "*members N"], weight: Sequence[Tensor]) -> Float[Tensor, ""]:
    """Return the sum over rows and members, weighted where there is a weight."""
    return total_of_each(values, weight).sum()


def rows_of_each(values: Float[Tensor, "*members N"], weight: Sequence[Tensor]) -> Tensor | int:
    """Return how many rows each member has, or the sum of their weights: one number, or M."""
    return _by_member(weight).sum(-1) if weight else values.shape[-1]


def num_rows(values: Float[Tensor, "*members N"], weight: Sequence[Tensor]) -> Tensor | int:
    """Return how many rows there are, or the sum of their weights; of all members together."""
    return weight[0].sum() if weight else values.shape[-1]


def _by_member(weight: Sequence[Tensor]) -> Shaped[Tensor, "*members N"]:
    return weight[0].movedim(-1, 0)

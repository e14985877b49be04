"""What every model here is to Lightning: a mixture for each row, in the user's units."""

import math
from abc import abstractmethod
from collections.abc import Sequence
from typing import Any

import torch
from jaxtyping import Float
from lightning.pytorch import LightningModule
from torch import Tensor

from mdn.data.frames import input_matrix
from mdn.data.table import Table
from mdn.distributions.families import Family, floored_cholesky
from mdn.distributions.mixture import GaussianMixture
from mdn.distributions.scale import CovarianceFactor
from mdn.networks.head import Part
from mdn.networks.network import MixtureNetwork
from mdn.networks.standardize import Standardizer
from mdn.training.processes import close_group_at_exit

RECALIBRATION = "recalibration"
"""Where a recipe keeps what `MixtureModule.recalibrate` was given."""


class MixtureModule(LightningModule):
    """p(y given x) as one Gaussian mixture per row; a subclass says how it is fitted.

    Batches are (x, y) or (x, y, weight) in the user's units, and `forward` answers in them;
    inside, the network works on standardised inputs and targets. The first `setup("fit")` takes
    the standardisation, and where to start, from the datamodule's training rows.

    Args:
        num_inputs: P.
        num_targets: D.
        network: from standardised inputs to a standardised mixture.
    """

    started: Tensor
    target_covariance: Tensor

    def __init__(self, num_inputs: int, num_targets: int, network: MixtureNetwork) -> None:
        super().__init__()
        self.automatic_optimization = False
        self.network = network
        self.inputs = Standardizer(num_inputs, bounded=True)
        self.targets = Standardizer(num_targets)
        self.register_buffer("target_covariance", torch.eye(num_targets, dtype=torch.float64))
        self.register_buffer("started", torch.tensor(False))
        self.recipe: dict[str, Any] = {}
        """Plain data that `mdn.load` builds this module from again; kept in the checkpoint."""
        self.val_nll_of_members: Float[Tensor, " M"] = torch.empty(0)
        """Each member's own nll of the last validation, standardised."""
        self._sums: dict[str, tuple[Tensor, Tensor | int]] = {}

    @abstractmethod
    def _start_network(self, y: Float[Tensor, "N D"], weight: Float[Tensor, " N"] | None) -> None:
        """Begin at what standardised targets tell, in float64."""

    def forward(self, x: Float[Tensor, "N P"]) -> GaussianMixture:
        """p(y given x) in the user's units and in the floating type of x: N mixtures."""
        return self._in_units(self._pooled(x).expand(len(x)), x.dtype)

    def members(self, x: Float[Tensor, "N P"]) -> GaussianMixture:
        """p(y given x) as each member of an ensemble has it: batch axes [M, N], M = 1 of one."""
        return self._in_units(self._members(x).expand(self.num_members, len(x)), x.dtype)

    def _pooled(self, x: Float[Tensor, "N P"]) -> GaussianMixture:
        mixture = self.network(self.inputs(x, self.dtype))
        return mixture if self.recalibration == 1 else mixture.dispersed(self.recalibration)

    def _members(self, x: Float[Tensor, "N P"]) -> GaussianMixture:
        z = self.inputs(x, self.dtype)
        mixture = self.network.per_member(z)
        if self.recalibration == 1:
            return mixture
        return mixture.dispersed(self.recalibration, self.network(z).mean)

    def _in_units(self, mixture: GaussianMixture, dtype: torch.dtype) -> GaussianMixture:
        if dtype != torch.float64:
            self.targets.check_fits(dtype, self.recipe.get("targets"))
        factor, shift = self.targets.factor.to(dtype), self.targets.shift.to(dtype)
        return mixture.to(dtype=dtype).affine(factor, shift)

    @torch.no_grad()
    def predict(self, data: Any) -> GaussianMixture:
        """p(y given x) in the user's units, in float64: one mixture a row.

        Args:
            data: a frame, whose columns are picked by the names of the inputs, or rows of numbers
                in their order: a tensor, an array or a list.

        Raises:
            ValueError: if an input is missing or is not a finite number.
        """
        return self(self._inputs_of(data))

    @torch.no_grad()
    def predict_members(self, data: Any) -> GaussianMixture:
        """As `predict`, from each member of an ensemble: mixtures [M, N], M = 1 of one network.

        `.pool()` of it is what `predict` answers; `.std_split()` and `.covariance_split()` tell
        the noise in y from the members' doubt about its mean.

        Args:
            data: as for `predict`.

        Raises:
            ValueError: as `predict`.
        """
        return self.members(self._inputs_of(data))

    def _inputs_of(self, data: Any) -> Float[Tensor, "N P"]:
        return input_matrix(data, self.recipe["inputs"]).to(self.device)

    @property
    def num_components(self) -> int:
        """Components of the mixture of a row: K, or M K of an ensemble."""
        return self.num_members * self.network.head.num_components

    @property
    def num_members(self) -> int:
        """M, the networks that are pooled; 1 where it is one."""
        return self.network.num_members

    @property
    def family(self) -> Family:
        """The covariance family, and with it the floor."""
        return self.network.head.family

    @property
    def recalibration(self) -> float:
        """What the spread about each row's mean is multiplied by; 1 without a recalibration."""
        return self.recipe.get(RECALIBRATION, 1.0)

    def recalibrate(self, factor: float) -> None:
        """Answer from now on with mixtures as wide about their means as `factor` says."""
        self.recipe = self.recipe | {RECALIBRATION: factor}

    @property
    def outcome(self) -> dict[str, float | bool]:
        """What there is to say of the fit besides its scores."""
        return {}

    @property
    def marginal(self) -> GaussianMixture:
        """One Gaussian that ignores x, fitted to the training rows: what a model must beat."""
        tril = floored_cholesky(self.target_covariance, 1e-6 * self.targets.factor.min().item())
        scale = CovarianceFactor.from_tril(tril[None])
        return GaussianMixture(tril.new_zeros(1), self.targets.shift[None], scale)

    def standardized(
        self, x: Float[Tensor, "N P"], y: Float[Tensor, "N D"]
    ) -> tuple[GaussianMixture, Float[Tensor, "N D"]]:
        """p(y given x), and y, as the likelihood sees them."""
        return self._pooled(x), self.targets(y, self.dtype)

    def per_member(
        self, x: Float[Tensor, "N P"], y: Float[Tensor, "N D"]
    ) -> tuple[GaussianMixture, Float[Tensor, "N D"]]:
        """As `standardized`, from each member: mixtures [M, N]."""
        return self._members(x), self.targets(y, self.dtype)

    @torch.no_grad()
    def restart(
        self, component: int, y: Float[Tensor, " D"], x: Float[Tensor, "N P"]
    ) -> list[Part]:
        """Begin one component anew, whatever the input, and leave the others as they are.

        As wide as all rows it would be outdone everywhere: it gets its share of their volume.

        Args:
            component: its number; m K + k is component k of member m.
            y: where its mean begins.
            x: rows over which its weight is 1/K of what there was: on average 1/(K + 1) of the
                new total where it had been dead.

        Returns:
            The parameters that hold it, and which of their rows are its own.
        """
        head = self.network.head
        member, own = divmod(component, head.num_components)
        logits = head.weights(self.network.features(self.inputs(x, self.dtype)))
        level = logits.logsumexp(0)[member].mean().item() - math.log(head.num_components)
        width = head.num_components ** (-1 / head.num_targets) / self.targets.factor
        covariance = width[:, None] * self.target_covariance * width
        scale = self.family.project(covariance[None], covariance.new_ones(1))
        head.restart(own, level, self.targets(y, self.dtype), scale, member)
        return head.owned_by(own, member)

    def setup(self, stage: str) -> None:
        close_group_at_exit()
        if stage == "fit" and not self.started:
            datamodule: Any = self.trainer.datamodule  # pyright: ignore[reportAttributeAccessIssue]
            if datamodule is None:
                raise ValueError(
                    "an unfitted module takes its standardisation from a datamodule, got bare "
                    "loaders; pass trainer.fit(module, datamodule), or call module.start(table)"
                )
            self.start(datamodule.train_table)

    def start(self, table: Table) -> None:
        """Take the standardisation, and where to start, from the training rows."""
        self.inputs.fit(table.x, table.weight)
        self.targets.fit(table.y, table.weight)
        covariance = torch.cov(table.y.T, correction=0, aweights=table.weight)
        self.target_covariance.copy_(covariance)
        self._start_network(self.targets(table.y, torch.float64), table.weight)
        self.started.fill_(True)

    def validation_step(self, batch: Sequence[Tensor], batch_index: int) -> None:
        nll, weight = self.count(batch, "val")
        each = total_of_each(nll, weight)
        self._add("val/members", each, num_rows(nll, weight))

    def test_step(self, batch: Sequence[Tensor], batch_index: int) -> None:
        self.count(batch, "test")

    def count(
        self, batch: Sequence[Tensor], stage: str
    ) -> tuple[Float[Tensor, "M N"], Sequence[Tensor]]:
        """Add a batch to what `mean_nll` tells of the pool; each member's nll, and the weights."""
        x, y, *weight = batch
        mixture, y = self.per_member(x, y)
        nll = -mixture.log_prob(y)
        self._score(nll, weight, stage)
        return nll, weight

    def _score(self, nll: Float[Tensor, "M N"], weight: Sequence[Tensor], stage: str) -> None:
        """Count the nll of the pool, from that of each member."""
        log_prob = self.network.pool(-nll.detach())
        self._add(stage, -total(log_prob, weight), num_rows(log_prob, weight))

    def _add(self, stage: str, total: Float[Tensor, "*of"], rows: Tensor | int) -> None:
        """Sums wait on the device for the end of the epoch: no synchronisation in a step."""
        sums = self._sums.get(stage, (0.0, 0))
        self._sums[stage] = (sums[0] + total.double(), sums[1] + rows)

    def on_train_epoch_end(self) -> None:
        self._log_nll("train")

    def on_validation_epoch_end(self) -> None:
        self._log_nll("val")
        self.val_nll_of_members = self.mean_nll("val/members")

    def on_test_epoch_end(self) -> None:
        self._log_nll("test")

    def _log_nll(self, stage: str) -> None:
        """Log the mean over all rows, in the user's units."""
        standardized = self.mean_nll(stage)
        self.log(f"{stage}/nll_standardized", standardized, rank_zero_only=True)
        self.log(f"{stage}/nll", standardized - self.targets.log_det(), prog_bar=True)

    def mean_nll(self, stage: str) -> Float[Tensor, "*of"]:
        """The exact mean over what was counted, in all processes; the count begins anew."""
        total, rows = self._sums.pop(stage)
        sums = torch.cat([total.view(-1), torch.as_tensor(rows).to(total).view(1)])
        *means, rows = self.trainer.strategy.reduce(sums, reduce_op="sum")
        return (torch.stack(means) / rows).view(total.shape)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        checkpoint["mdn"] = self.recipe


def total_of_each(
    values: Float[Tensor, "*members N"], weight: Sequence[Tensor]
) -> Float[Tensor, "*members"]:
    """The sum over rows, of weighted rows where there is a weight."""
    return (weight[0].to(values) * values).sum(-1) if weight else values.sum(-1)


def total(values: Float[Tensor, "*members N"], weight: Sequence[Tensor]) -> Float[Tensor, ""]:
    """The sum over rows and members, of weighted rows where there is a weight."""
    return total_of_each(values, weight).sum()


def num_rows(values: Float[Tensor, "*members N"], weight: Sequence[Tensor]) -> Tensor | int:
    """How many rows there are, or the sum of their weights."""
    return weight[0].sum() if weight else values.shape[-1]

"""The LightningModule: a mixture density network in the user's units."""

from collections.abc import Callable, Iterable
from typing import Any

import torch
from jaxtyping import Float
from lightning.pytorch import LightningModule
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from mdn.data.standardize import Standardizer
from mdn.data.table import Table
from mdn.families import Family, floored_cholesky
from mdn.mixture import GaussianMixture
from mdn.networks import MixtureDensityNetwork, MixtureHead
from mdn.scale import CovarianceFactor
from mdn.start import kmeans_start

_SHRINK = 0.1
"""What the head's input-dependent weights are multiplied by at a start from data."""


class MDNModule(LightningModule):
    """p(y given x) as one Gaussian mixture per row, trained on the mean negative log likelihood.

    Batches are (x, y) or (x, y, weight) in the user's units, and `forward` answers in them;
    inside, the network works on standardised inputs and targets. The first `setup("fit")` takes
    the standardisation, and the start of the head, from the datamodule's training rows.

    Args:
        num_inputs: P.
        num_targets: D.
        num_components: K.
        family: the covariance family.
        backbone: given P, the module in front of the head.
        optimizer: given parameter groups, the optimizer.
        schedule: given the optimizer and the number of steps, the learning-rate schedule.
        start_from_data: start the head from k-means of the targets; otherwise at random.
        mixture_lr: learning rate of the weights; None for the optimizer's.
        component_lr: learning rate of means and scales; None for the optimizer's.
    """

    started: Tensor
    target_covariance: Tensor

    def __init__(
        self,
        num_inputs: int,
        num_targets: int,
        num_components: int,
        family: Family,
        backbone: Callable[[int], nn.Module],
        optimizer: Callable[[list[dict[str, Any]]], Optimizer],
        schedule: Callable[[Optimizer, int], LRScheduler],
        start_from_data: bool,
        mixture_lr: float | None,
        component_lr: float | None,
    ) -> None:
        super().__init__()
        body: Any = backbone(num_inputs)
        head = MixtureHead(body.num_features, num_targets, num_components, family)
        self.network = MixtureDensityNetwork(body, head)
        self.inputs = Standardizer(num_inputs)
        self.targets = Standardizer(num_targets)
        self.register_buffer("target_covariance", torch.eye(num_targets, dtype=torch.float64))
        self.register_buffer("started", torch.tensor(False))
        self.optimizer = optimizer
        self.schedule = schedule
        self.start_from_data = start_from_data
        self.mixture_lr = mixture_lr
        self.component_lr = component_lr
        self.recipe: dict[str, Any] = {}
        """Plain data that `mdn.load` builds this module from again; kept in the checkpoint."""
        self._sums: dict[str, Tensor] = {}

    def forward(self, x: Float[Tensor, "N P"]) -> GaussianMixture:
        """p(y given x) in the user's units and in the floating type of x: N mixtures."""
        mixture = self.network(self.inputs(x, self.dtype)).expand(len(x)).to(dtype=x.dtype)
        return mixture.affine(self.targets.factor.to(x.dtype), self.targets.shift.to(x.dtype))

    @property
    def marginal(self) -> GaussianMixture:
        """One Gaussian that ignores x, fitted to the training rows: what a model must beat."""
        tril = floored_cholesky(self.target_covariance, 1e-6 * self.targets.factor.min().item())
        scale = CovarianceFactor.from_tril(tril[None])
        return GaussianMixture(tril.new_zeros(1), self.targets.shift[None], scale)

    def setup(self, stage: str) -> None:
        if stage == "fit" and not self.started:
            datamodule: Any = self.trainer.datamodule  # pyright: ignore[reportAttributeAccessIssue]
            if datamodule is None:
                raise ValueError(
                    "an unfitted MDNModule takes its standardisation from a datamodule, got bare "
                    "loaders; pass trainer.fit(module, datamodule), or call module.start(table)"
                )
            self.start(datamodule.train_table)

    def start(self, table: Table) -> None:
        """Take the standardisation, and the start of the head, from the training rows."""
        self.inputs.fit(table.x, table.weight)
        self.targets.fit(table.y, table.weight)
        covariance = torch.cov(table.y.T, correction=0, aweights=table.weight)
        self.target_covariance.copy_(covariance)
        if self.start_from_data:
            head, y = self.network.head, self.targets(table.y, self.dtype)
            mixture = kmeans_start(y, head.num_components, head.family, table.weight)
            head.start(mixture, shrink=_SHRINK)
        self.started.fill_(True)

    def training_step(self, batch: Iterable[Tensor], batch_index: int) -> Tensor:
        return self._step(batch, "train")

    def validation_step(self, batch: Iterable[Tensor], batch_index: int) -> None:
        self._step(batch, "val")

    def test_step(self, batch: Iterable[Tensor], batch_index: int) -> None:
        self._step(batch, "test")

    def _step(self, batch: Iterable[Tensor], stage: str) -> Tensor:
        x, y, *weight = batch
        log_prob = self.network(self.inputs(x, self.dtype)).log_prob(self.targets(y, self.dtype))
        share = weight[0].to(log_prob.dtype) if weight else torch.ones_like(log_prob)
        total, rows = -(share * log_prob).sum(), share.sum()
        self._add(stage, torch.stack([total.detach(), rows]).double())
        return total / rows

    def _add(self, stage: str, sums: Float[Tensor, "2"]) -> None:
        """Sums wait on the device for the end of the epoch: no synchronisation in a step."""
        self._sums[stage] = self._sums[stage] + sums if stage in self._sums else sums

    def on_train_epoch_end(self) -> None:
        self._log_nll("train")

    def on_validation_epoch_end(self) -> None:
        self._log_nll("val")

    def on_test_epoch_end(self) -> None:
        self._log_nll("test")

    def _log_nll(self, stage: str) -> None:
        """Log the exact mean over all rows of all processes, in the user's units."""
        sums = self.trainer.strategy.reduce(self._sums.pop(stage), reduce_op="sum")
        standardized = sums[0] / sums[1]
        self.log(f"{stage}/nll_standardized", standardized, rank_zero_only=True)
        self.log(f"{stage}/nll", standardized - self.targets.log_det(), prog_bar=True)

    def configure_optimizers(self) -> Any:
        optimizer = self.optimizer(self._parameter_groups())
        total_steps = int(self.trainer.estimated_stepping_batches)
        scheduler = self.schedule(optimizer, total_steps)
        return {
            "optimizer": optimizer,
            "lr_scheduler": {"scheduler": scheduler, "interval": "step"},
        }

    def _parameter_groups(self) -> list[dict[str, Any]]:
        """Three parts with a learning rate each; biases and norms are never decayed."""
        head = self.network.head
        parts = [
            (self.network.backbone, None),
            (head.weights, self.mixture_lr),
            (head.components, self.component_lr),
        ]
        groups = []
        for part, rate in parts:
            matrices = [p for p in part.parameters() if p.ndim > 1 and p.numel()]
            vectors = [p for p in part.parameters() if p.ndim <= 1]
            own_rate = {} if rate is None else {"lr": rate}
            groups.append({"params": matrices, **own_rate})
            groups.append({"params": vectors, "weight_decay": 0.0, **own_rate})
        return [group for group in groups if group["params"]]

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        checkpoint["mdn"] = self.recipe

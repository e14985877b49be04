"""The LightningModule: a mixture density network in the user's units."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from jaxtyping import Float
from lightning.pytorch import LightningModule
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from mdn.data.batches import batches_of
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
        gradient_clip: the largest norm of a gradient; None for any.
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
        gradient_clip: float | None,
    ) -> None:
        super().__init__()
        self.automatic_optimization = False
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
        self.gradient_clip = gradient_clip
        self.recipe: dict[str, Any] = {}
        """Plain data that `mdn.load` builds this module from again; kept in the checkpoint."""
        self._sums: dict[str, tuple[Tensor, Tensor | int]] = {}

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

    def training_step(self, batch: Sequence[Any], batch_index: int) -> Tensor:
        """A step of gradient descent for a batch, or for each batch of a block."""
        optimizer: Any = self.optimizers()
        *earlier, last = batches_of(batch)
        for each in earlier:
            self._descend(each, optimizer.optimizer)
        return self._descend(last, optimizer)  # this one, being Lightning's, moves its counters

    def _descend(self, batch: Sequence[Tensor], optimizer: Any) -> Tensor:
        optimizer.zero_grad()
        loss = self._step(batch, "train")
        self.manual_backward(loss)
        if self.gradient_clip is not None:
            nn.utils.clip_grad_norm_(self.parameters(), self.gradient_clip, foreach=True)
        optimizer.step()
        self.lr_schedulers().step()  # pyright: ignore
        return loss.detach()

    def validation_step(self, batch: Sequence[Tensor], batch_index: int) -> None:
        self._step(batch, "val")

    def test_step(self, batch: Sequence[Tensor], batch_index: int) -> None:
        self._step(batch, "test")

    def _step(self, batch: Sequence[Tensor], stage: str) -> Tensor:
        x, y, *weight = batch
        log_prob = self.network(self.inputs(x, self.dtype)).log_prob(self.targets(y, self.dtype))
        if weight:
            share = weight[0].to(log_prob.dtype)
            total, rows = -(share * log_prob).sum(), share.sum()
        else:
            total, rows = -log_prob.sum(), len(y)
        self._add(stage, total.detach(), rows)
        return total / rows

    def _add(self, stage: str, total: Tensor, rows: Tensor | int) -> None:
        """Sums wait on the device for the end of the epoch: no synchronisation in a step."""
        sums = self._sums.get(stage, (0.0, 0))
        self._sums[stage] = (sums[0] + total.double(), sums[1] + rows)

    def on_train_epoch_end(self) -> None:
        self._log_nll("train")

    def on_validation_epoch_end(self) -> None:
        self._log_nll("val")

    def on_test_epoch_end(self) -> None:
        self._log_nll("test")

    def _log_nll(self, stage: str) -> None:
        """Log the exact mean over all rows of all processes, in the user's units."""
        total, rows = self._sums.pop(stage)
        sums = torch.stack([total, torch.as_tensor(rows).to(total)])
        standardized = torch.div(*self.trainer.strategy.reduce(sums, reduce_op="sum"))
        self.log(f"{stage}/nll_standardized", standardized, rank_zero_only=True)
        self.log(f"{stage}/nll", standardized - self.targets.log_det(), prog_bar=True)

    def configure_optimizers(self) -> Any:
        optimizer = self.optimizer(self._parameter_groups())
        return [optimizer], [self.schedule(optimizer, self._total_steps())]

    def _total_steps(self) -> int:
        """Steps of gradient descent in the whole run, of which Lightning counts the calls."""
        calls = self.trainer.estimated_stepping_batches
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
                groups.setdefault((rate, parameter.ndim > 1), []).append(parameter)
        return [
            {"params": parameters}
            | ({} if rate is None else {"lr": rate})
            | ({} if decays else {"weight_decay": 0.0})
            for (rate, decays), parameters in groups.items()
        ]

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        checkpoint["mdn"] = self.recipe

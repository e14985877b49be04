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
from mdn.families import Family
from mdn.mixture import GaussianMixture
from mdn.networks import MixtureDensityNetwork, MixtureHead
from mdn.start import kmeans_start


class MDNModule(LightningModule):
    """p(y given x) as one Gaussian mixture per row, trained on the mean negative log likelihood.

    Batches are (x, y) or (x, y, weight) in the user's units; `forward` answers in them too.
    Inside, the network works on standardised inputs and targets. `setup("fit")` fits the
    standardisation and starts the head, from the training rows of the datamodule.

    Args:
        num_inputs: P.
        num_targets: D.
        num_components: K.
        family: the covariance family.
        backbone: given P, the module in front of the head.
        optimizer: given parameter groups, the optimizer.
        schedule: given the optimizer and the number of steps, the learning-rate schedule.
        start: start the head from k-means of the targets; otherwise at random.
        mixture_lr: learning rate of the weights; None for the optimizer's.
        component_lr: learning rate of means and scales; None for the optimizer's.
    """

    def __init__(
        self,
        num_inputs: int,
        num_targets: int,
        num_components: int,
        family: Family,
        backbone: Callable[[int], nn.Module],
        optimizer: Callable[[list[dict[str, Any]]], Optimizer],
        schedule: Callable[[Optimizer, int], LRScheduler],
        start: bool,
        mixture_lr: float | None,
        component_lr: float | None,
    ) -> None:
        super().__init__()
        body: Any = backbone(num_inputs)
        head = MixtureHead(body.num_features, num_targets, num_components, family)
        self.network = MixtureDensityNetwork(body, head)
        self.inputs = Standardizer(num_inputs)
        self.targets = Standardizer(num_targets)
        self.optimizer = optimizer
        self.schedule = schedule
        self.start = start
        self.learning_rates = {"mixture_lr": mixture_lr, "component_lr": component_lr}
        self.recipe: dict[str, Any] = {}
        """Plain data from which `mdn.load` builds this module again; kept in the checkpoint."""

    def forward(self, x: Float[Tensor, "N P"]) -> GaussianMixture:
        """p(y given x) in the user's units and in the floating type of x: N mixtures."""
        mixture = self.network(self.inputs(x, self.dtype)).expand(len(x)).to(dtype=x.dtype)
        return mixture.affine(self.targets.factor.to(x.dtype), self.targets.shift.to(x.dtype))

    def setup(self, stage: str) -> None:
        if stage == "fit":
            self.fit_start(self.trainer.datamodule.train_table)  # pyright: ignore[reportAttributeAccessIssue]

    def fit_start(self, table: Any) -> None:
        """Take the standardisation, and the start of the head, from the training rows."""
        self.inputs.fit(table.x, table.weight)
        self.targets.fit(table.y, table.weight)
        if self.start:
            y = self.targets(table.y)
            head = self.network.head
            head.start(kmeans_start(y, head.num_components, head.family, table.weight), shrink=0.1)

    def training_step(self, batch: Iterable[Tensor], batch_index: int) -> Tensor:
        return self._step(batch, "train")

    def validation_step(self, batch: Iterable[Tensor], batch_index: int) -> None:
        self._step(batch, "val")

    def test_step(self, batch: Iterable[Tensor], batch_index: int) -> None:
        self._step(batch, "test")

    def _step(self, batch: Iterable[Tensor], stage: str) -> Tensor: ...

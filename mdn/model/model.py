"""The model: a network between the units of its columns, and what it answers."""

from dataclasses import replace
from pathlib import Path

import torch
from jaxtyping import Float, Float64
from torch import Tensor, nn

from mdn.data.table import Table
from mdn.distributions.families import Family
from mdn.distributions.mixture import GaussianMixture
from mdn.distributions.scale import CovarianceFactor
from mdn.distributions.triangular import floored_cholesky
from mdn.model.card import ModelCard
from mdn.model.checkpoint import CARD, MODEL, WEIGHTS, write_checkpoint
from mdn.model.guard import COMPONENTS, guarded
from mdn.networks.encoder import Encoder
from mdn.networks.network import MixtureNetwork
from mdn.networks.standardize import Standardizer


class Model(nn.Module):
    """p(y given x) as one Gaussian mixture per row, in the user's units.

    The network inside works on standardized inputs and targets; units and names of the columns
    are the model's own, and travel with it.

    Args:
        network: from standardized inputs to a standardized mixture.
        card: its columns, and where it comes from.
    """

    started: Tensor
    target_covariance: Tensor

    def __init__(self, network: MixtureNetwork, card: ModelCard) -> None:
        super().__init__()
        self.network = network
        self.card = card
        self.inputs = Encoder(card.fitted_kinds)
        self.targets = Standardizer(len(card.targets))
        covariance = torch.eye(len(card.targets), dtype=torch.float64)
        self.register_buffer("target_covariance", covariance)
        self.register_buffer("started", torch.tensor(False))

    def forward(self, x: Float[Tensor, "N P"]) -> GaussianMixture:
        """Return p(y given x) in the user's units and in the floating type of x: N mixtures."""
        return self._in_units(self._pooled(x).expand(len(x)), x.dtype)

    def members(self, x: Float[Tensor, "N P"]) -> GaussianMixture:
        """Return p(y given x) of each network of an ensemble: batch axes [M, N], M = 1 of one."""
        return self._in_units(self._per_member(x).expand(self.num_members, len(x)), x.dtype)

    def with_members(self, x: Float[Tensor, "N P"]) -> tuple[GaussianMixture, GaussianMixture]:
        """Return what `forward` and `members` return, from one pass of the network."""
        members = self.network.per_member(self.inputs(x, self.dtype))
        pooled = self._pool(members)
        members = self._finished(members, pooled.mean)
        return (
            self._in_units(self._finished(pooled).expand(len(x)), x.dtype),
            self._in_units(members.expand(self.num_members, len(x)), x.dtype),
        )

    def standardized(
        self, x: Float[Tensor, "N P"], y: Float[Tensor, "N D"]
    ) -> tuple[GaussianMixture, Float[Tensor, "N D"]]:
        """Return p(y given x), and y, as the likelihood sees them."""
        return self._pooled(x), self.targets(y, self.dtype)

    def per_member(
        self, x: Float[Tensor, "N P"], y: Float[Tensor, "N D"]
    ) -> tuple[GaussianMixture, Float[Tensor, "N D"]]:
        """As `standardized`, from each member: mixtures [M, N]."""
        return self._per_member(x), self.targets(y, self.dtype)

    def _pooled(self, x: Float[Tensor, "N P"]) -> GaussianMixture:
        return self._finished(self.network(self.inputs(x, self.dtype)))

    def _per_member(self, x: Float[Tensor, "N P"]) -> GaussianMixture:
        members = self.network.per_member(self.inputs(x, self.dtype))
        center = None if self.recalibration == 1 else self._pool(members).mean
        return self._finished(members, center)

    def _pool(self, members: GaussianMixture) -> GaussianMixture:
        return members.pool() if self.num_members > 1 else members[0]

    def _finished(
        self, mixture: GaussianMixture, center: Float[Tensor, "*batch D"] | None = None
    ) -> GaussianMixture:
        if self.recalibration != 1:
            mixture = mixture.dispersed(self.recalibration, center)
        guard = self.card.guard
        return guarded(mixture, guard, self.target_correlation) if guard else mixture

    def _in_units(self, mixture: GaussianMixture, dtype: torch.dtype) -> GaussianMixture:
        if dtype != torch.float64:
            self.targets.check_fits(dtype, self.card.targets)
        mixture = self.targets.restore(mixture.to(dtype=dtype))
        return replace(mixture, target_names=tuple(self.card.targets))

    @torch.no_grad()
    def predict(self, data: object) -> GaussianMixture:
        """Return p(y given x) in the user's units, in float64: one mixture a row.

        Args:
            data: a frame, whose columns are picked by the names of the inputs, or rows of numbers
                in their order: a tensor, an array or a list.

        Raises:
            ValueError: if an input is missing or is not a finite number.
        """
        return self(self._inputs_of(data))

    @torch.no_grad()
    def predict_members(self, data: object) -> GaussianMixture:
        """As `predict`, from each member of an ensemble: mixtures [M, N], M = 1 of one network.

        `.pool()` of it is what `predict` answers; `.std_split()` and `.covariance_split()` tell
        the noise in y from the members' doubt about its mean.

        Args:
            data: as for `predict`.

        Raises:
            ValueError: as `predict`.
        """
        return self.members(self._inputs_of(data))

    def _inputs_of(self, data: object) -> Float[Tensor, "N P"]:
        from mdn.data.frames import input_matrix  # frames take a library, tensors do not

        return input_matrix(data, self.card.inputs, self.card.fitted_kinds).to(self.device)

    @property
    def device(self) -> torch.device:
        """Where the model is."""
        return self.started.device

    @property
    def dtype(self) -> torch.dtype:
        """The floating type of the network."""
        return self.network.head.weights.bias.dtype

    @property
    def num_components(self) -> int:
        """Components of the mixture of a row: M K that were learned, and those of the guard."""
        return self.num_learned + (COMPONENTS if self.card.guard else 0)

    @property
    def num_learned(self) -> int:
        """Components that the networks give: K, or M K of an ensemble."""
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
        """The factor of the spread about each row's mean; 1 without a recalibration."""
        return self.card.recalibration

    def recalibrate(self, factor: float) -> None:
        """Answer from now on with mixtures as wide about their means as `factor` says."""
        self.card = replace(self.card, recalibration=factor)

    def keep_guard(self, probability: float) -> None:
        """Answer from now on with some probability of rows unlike those of training."""
        self.card = replace(self.card, guard=probability)

    @property
    def target_correlation(self) -> Float64[Tensor, "D D"]:
        """The Cholesky factor of the correlation of the training targets."""
        factor = self.targets.factor
        return floored_cholesky(self.target_covariance / torch.outer(factor, factor), 1e-6)

    @property
    def marginal(self) -> GaussianMixture:
        """One Gaussian that ignores x, fitted to the training rows: what a model must beat."""
        tril = floored_cholesky(self.target_covariance, 1e-6 * self.targets.factor.min().item())
        scale = CovarianceFactor.from_tril(tril[None])
        names = tuple(self.card.targets)
        return GaussianMixture(tril.new_zeros(1), self.targets.shift[None], scale, names)

    def save(self, path: str | Path) -> None:
        """Write the model as a checkpoint that `mdn.load` reads, whole or not at all.

        Args:
            path: of the file; its folder is made where it is missing.
        """
        weights = {f"{MODEL}{name}": value.cpu() for name, value in self.state_dict().items()}
        write_checkpoint({CARD: self.card.plain(), WEIGHTS: weights}, path)

    def fit_units(self, table: Table) -> None:
        """Take the units and the names of the columns from the training rows.

        Where a row lacks a target, `target_covariance` is left to the caller.
        """
        self.card = replace(self.card, inputs=table.input_names, targets=table.target_names)
        self.inputs.fit(table.x, table.weight)
        self.targets.fit(table.y, table.weight)
        if not table.misses_targets:
            covariance = torch.cov(table.y.T, correction=0, aweights=table.weight)
            self.target_covariance.copy_(covariance)

"""The model: a network between the units of its columns, and what it answers."""

from dataclasses import replace
from pathlib import Path

import torch
from jaxtyping import Float, Float64
from torch import Tensor

from mdn.data.table import Table
from mdn.distributions.abstract import Mixture
from mdn.distributions.families import Family
from mdn.distributions.mixture import GaussianMixture
from mdn.distributions.scale import CovarianceFactor
from mdn.distributions.triangular import floored_cholesky
from mdn.model.adjustments import adjusted
from mdn.model.card import ModelCard
from mdn.model.checkpoint import CARD, MODEL, WEIGHTS, not_finite, write_checkpoint
from mdn.model.frame_answers import FrameAnswers
from mdn.model.guard import COMPONENTS
from mdn.model.novelty import ranges_of
from mdn.model.target_transforms import outside, transforms_of
from mdn.networks.encoder import Encoder
from mdn.networks.network import MixtureNetwork
from mdn.networks.standardize import Standardizer


class Model(FrameAnswers):
    """p(y given x) as one mixture per row, in the user's units.

    The network inside works on standardized inputs and targets; units and names of the columns
    are the model's own, and travel with it. A mixture is Gaussian unless a target is learned on
    another scale, as `card.transforms` says. `print(model.network)` shows the layers.

    Args:
        network: from standardized inputs to a standardized mixture.
        card: its columns, and where it comes from.
    """

    started: Tensor
    target_covariance: Tensor
    user_mean: Tensor
    user_covariance: Tensor

    def __init__(self, network: MixtureNetwork, card: ModelCard) -> None:
        super().__init__()
        self.network = network
        self.card = card
        self.inputs = Encoder(card.fitted_kinds)
        self.targets = Standardizer(len(card.targets))
        covariance = torch.eye(len(card.targets), dtype=torch.float64)
        self.register_buffer("target_covariance", covariance)
        self.register_buffer("started", torch.tensor(False))
        self._take_transforms()

    def forward(self, x: Float[Tensor, "N P"]) -> Mixture:
        """Return p(y given x) in the user's units and in the floating type of x: N mixtures."""
        return self._in_units(self._pooled(x).expand(len(x)), x.dtype)

    def members(self, x: Float[Tensor, "N P"]) -> Mixture:
        """Return p(y given x) of each network of an ensemble: batch axes [M, N], M = 1 of one."""
        return self._in_units(self._per_member(x).expand(self.num_members, len(x)), x.dtype)

    def with_members(self, x: Float[Tensor, "N P"]) -> tuple[Mixture, Mixture]:
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
        self, x: Float[Tensor, "*M N P"], y: Float[Tensor, "*M N D"]
    ) -> tuple[GaussianMixture, Float[Tensor, "*M N D"]]:
        """As `standardized`, from each member: mixtures [M, N].

        Rows of each member's own, [M, N, P] and [M, N, D], are answered by that member alone.
        """
        return self._per_member(x), self.targets(y, self.dtype)

    def answer(self, standardized: GaussianMixture, dtype: torch.dtype) -> Mixture:
        """Return what the model answers where the network gives some mixtures.

        Args:
            standardized: of any batch.
            dtype: the floating type of the answer.
        """
        return self._in_units(self._finished(standardized), dtype)

    def _pooled(self, x: Float[Tensor, "N P"]) -> GaussianMixture:
        return self._finished(self.network(self.inputs(x, self.dtype)))

    def _per_member(self, x: Float[Tensor, "*M N P"]) -> GaussianMixture:
        members = self.network.per_member(self.inputs(x, self.dtype))
        alone = self.recalibration == 1 or x.ndim == 3
        center = None if alone else self._pool(members).mean
        return self._finished(members, center)

    def _pool(self, members: GaussianMixture) -> GaussianMixture:
        return members.pool() if self.num_members > 1 else members[0]

    def _finished(
        self, mixture: GaussianMixture, center: Float[Tensor, "*batch D"] | None = None
    ) -> GaussianMixture:
        tril = self.target_correlation if self.card.guard else None
        return adjusted(mixture, self.card, tril, center)

    def _in_units(self, mixture: GaussianMixture, dtype: torch.dtype) -> Mixture:
        if dtype != torch.float64:
            self.targets.check_fits(dtype, self.card.targets)
        named = replace(mixture.to(dtype=dtype), target_names=tuple(self.card.targets))
        return self.targets.on_user_scale(named)

    def __repr__(self) -> str:
        from mdn.model.model_overview import model_overview  # which knows models

        return model_overview(self).text()

    def _repr_html_(self) -> str:
        from mdn.model.model_overview import model_overview

        return model_overview(self).html()

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

    @property
    def smoothing(self) -> float:
        """The standard deviation of the noise added to each standardized target; 0 for none."""
        return self.card.smoothing

    def keep_smoothing(self, std: float) -> None:
        """Answer from now on with mixtures that are smoothed by `std` standard deviations."""
        self.card = replace(self.card, smoothing=std)

    def keep_guard(self, probability: float, width: float = 1.0) -> None:
        """Answer from now on with some probability of rows unlike those of training.

        Args:
            probability: of such rows.
            width: how much wider they lie than the training targets.
        """
        self.card = replace(self.card, guard=probability, guard_width=width)

    @property
    def target_correlation(self) -> Float64[Tensor, "D D"]:
        """The Cholesky factor of the correlation of the training targets."""
        factor = self.targets.factor
        return floored_cholesky(self.target_covariance / torch.outer(factor, factor), 1e-6)

    @property
    def marginal(self) -> GaussianMixture:
        """One Gaussian that ignores x, fitted to the training rows: what a model must beat.

        It is Gaussian on the scale of the user, whatever scale a target is learned on.
        """
        mean, covariance, spread = self._user_moments
        tril = floored_cholesky(covariance, 1e-6 * spread.min().item())
        scale = CovarianceFactor.from_tril(tril[None])
        names = tuple(self.card.targets)
        return GaussianMixture(tril.new_zeros(1), mean[None], scale, names)

    @property
    def _user_moments(self) -> tuple[Tensor, Tensor, Tensor]:
        """Mean, covariance and spread of the targets on the user's scale."""
        if not self.targets.transforms:
            return self.targets.shift, self.target_covariance, self.targets.factor
        return self.user_mean, self.user_covariance, self.user_covariance.diagonal().sqrt()

    def check_targets(self, y: Float[Tensor, "N D"], rows: str) -> None:
        """Refuse values that the scale of a target has no place for.

        Args:
            y: values.
            rows: what to call them.

        Raises:
            ValueError: with the first such value of each target.
        """
        for said in outside(self.targets.transforms, self.card.targets, y):
            raise ValueError(f"{rows}: {said}; mend such rows, or leave them out")

    def save(self, path: str | Path) -> None:
        """Write the model as a checkpoint that `mdn.load` reads, whole or not at all.

        Args:
            path: of the file; its folder is made where it is missing.

        Raises:
            ValueError: on weights that are not finite, which no program would load again.
        """
        weights = {f"{MODEL}{name}": value.cpu() for name, value in self.state_dict().items()}
        if (name := not_finite(weights)) is not None:
            raise ValueError(
                f"numbers in {name.removeprefix(MODEL)} of this model are not finite, and it is "
                "not saved; take an earlier checkpoint, or train again"
            )
        write_checkpoint({CARD: self.card.plain(), WEIGHTS: weights}, path)

    def fit_units(self, table: Table) -> None:
        """Take the units and the names of the columns from the training rows.

        Where a row lacks a target, `target_covariance` is left to the caller.
        """
        self.inputs.fit(table.x, table.weight)
        ranges = ranges_of(self.inputs.values, table.x)
        names = {"inputs": table.input_names, "targets": table.target_names}
        self.card = replace(self.card, **names, ranges=ranges)
        self._take_transforms()
        self.check_targets(table.y, "the training rows")
        self.targets.fit(table.y, table.weight)
        if not table.misses_targets:
            covariance = _covariance(self.targets.learned(table.y), table.weight)
            self.target_covariance.copy_(covariance)
        if self.targets.transforms:
            units = Standardizer(table.y.shape[-1]).fit(table.y, table.weight)
            self.user_mean.copy_(units.shift)
            self.user_covariance.copy_(_covariance(table.y, table.weight))

    def _take_transforms(self) -> None:
        """Learn targets on the scales that the card says, with a place for the user's moments."""
        self.targets.transforms = transforms_of(self.card)
        if self.targets.transforms:
            self.register_buffer("user_mean", torch.zeros_like(self.targets.shift))
            self.register_buffer("user_covariance", torch.zeros_like(self.target_covariance))


def _covariance(
    values: Float[Tensor, "N D"], weight: Float[Tensor, " N"] | None
) -> Float[Tensor, "D D"]:
    return torch.cov(values.T, correction=0, aweights=weight).reshape(2 * values.shape[1:])

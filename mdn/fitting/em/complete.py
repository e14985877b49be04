"""Statistics of complete rows, in two ways.

The log joint density is linear in the features 1, y_i, y_i y_j, and so are the statistics. With F
the features of a batch, one column a row, C the coefficients of the components and R their
responsibilities,

    log joint = C F    [K, P] x [P, N]        statistics = R F'    [K, N] x [N, P]

are two matrix products. Measured from the mean of the data, they lose as many digits as the
components are far from it in units of their own spread. Where that is too many, residuals from
each component's own mean are formed: slower, and exact at any distance.
"""

import math

import torch
from jaxtyping import Float
from torch import Tensor

from mdn.distributions.families import Family
from mdn.distributions.mixture import GaussianMixture
from mdn.fitting.em.statistics import Statistics


class ByFeatures:
    """Two matrix products; the arguments are the same as of `EStep`."""

    def __init__(
        self, mixture: GaussianMixture, family: Family, origin: Float[Tensor, " D"]
    ) -> None:
        rows, columns = family.moments(mixture.num_targets)
        self._pairs = torch.tensor([rows, columns], device=origin.device)
        self._mu = mixture.mu - origin
        self._std = mixture.sigma
        inverse = inverse_factor(mixture)
        self._precision = inverse.mT @ inverse
        self._coefficients = self._expand(mixture, inverse)
        self._origin = origin
        self.about = origin.expand_as(mixture.mu)

    def _expand(
        self, mixture: GaussianMixture, inverse: Float[Tensor, "K D D"]
    ) -> Float[Tensor, "K P"]:
        whitened = inverse @ self._mu[..., None]
        constant = log_constant(mixture) - 0.5 * whitened.square().sum((-2, -1))
        linear = (inverse.mT @ whitened).squeeze(-1)
        rows, columns = self._pairs
        quadratic = -self._precision[:, rows, columns] * torch.where(rows == columns, 0.5, 1.0)
        return torch.cat([constant[:, None], linear, quadratic], -1)

    def digits_lost(self) -> float:
        """Return the digits by which intermediate results outgrow the log density near a mean."""
        reach = self._mu.abs() + self._std
        terms = reach[:, :, None] * self._precision.abs() * reach[:, None, :]
        return math.log10(terms.sum((-2, -1)).max())

    def __call__(self, y: Float[Tensor, "N D"], weight: Float[Tensor, " N"]) -> Statistics:
        features = self._features(y)
        share, log_likelihood = _responsibilities(self._coefficients @ features, weight)
        sizes = [1, y.shape[-1], self._pairs.shape[-1]]
        mass, first, second = (share @ features.mT).split(sizes, -1)
        return Statistics(
            mass.squeeze(-1), first, self._dense(second), log_likelihood, weight.sum(), self.about
        )

    def _features(self, y: Float[Tensor, "N D"]) -> Float[Tensor, "P N"]:
        num_rows, num_targets = y.shape
        rows, columns = self._pairs
        features = y.new_empty(1 + num_targets + len(rows), num_rows)
        one, away, products = features.split([1, num_targets, len(rows)])
        one.fill_(1)
        torch.sub(y.mT, self._origin[:, None], out=away)
        torch.mul(away.index_select(0, rows), away.index_select(0, columns), out=products)
        return features

    def _dense(self, packed: Float[Tensor, "K P"]) -> Float[Tensor, "K D D"]:
        rows, columns = self._pairs
        num_targets = len(self._origin)
        dense = packed.new_zeros(len(packed), num_targets, num_targets)
        dense[:, rows, columns] = packed
        dense[:, columns, rows] = packed
        return dense


class ByResiduals:
    """Residuals from each component's own mean."""

    def __init__(self, mixture: GaussianMixture) -> None:
        self._inverse = inverse_factor(mixture)
        self._log_constant = log_constant(mixture)
        self.about = mixture.mu

    def __call__(self, y: Float[Tensor, "N D"], weight: Float[Tensor, " N"]) -> Statistics:
        away = y.mT - self.about[..., None]
        distance = (self._inverse @ away).square().sum(-2)
        joint = self._log_constant[:, None] - 0.5 * distance
        share, log_likelihood = _responsibilities(joint, weight)
        first = (away @ share[..., None]).squeeze(-1)
        second = (share[:, None] * away) @ away.mT
        return Statistics(share.sum(-1), first, second, log_likelihood, weight.sum(), self.about)


def inverse_factor(mixture: GaussianMixture) -> Float[Tensor, "K D D"]:
    """Return A^-1, which whitens residuals."""
    tril = mixture.scale.tril()
    identity = torch.eye(mixture.num_targets, dtype=tril.dtype, device=tril.device)
    inverse = torch.linalg.solve_triangular(tril, identity.expand_as(tril), upper=False)
    return inverse.expand(mixture.num_components, -1, -1)


def log_constant(mixture: GaussianMixture) -> Float[Tensor, " K"]:
    """Return the log joint density at each component's mean."""
    return (
        mixture.log_pi - mixture.scale.log_det() - 0.5 * mixture.num_targets * math.log(2 * math.pi)
    )


def _responsibilities(
    joint: Float[Tensor, "K N"], weight: Float[Tensor, " N"]
) -> tuple[Float[Tensor, "K N"], Float[Tensor, ""]]:
    """Responsibilities times row weights, and the weighted sum of log likelihoods."""
    share = joint.softmax(0)  # not by exp, which takes ten times as long for what is rounded to 0
    log_likelihood = joint.amax(0) - share.amax(0).log_()
    return share.mul_(weight), weight @ log_likelihood

"""Statistics of rows that miss the same entries.

Such a row counts by the density of what is observed. What is missing is replaced by what the rest
tells of it: in the first moments its conditional mean, in the second the conditional covariance
besides (Ghahramani and Jordan 1994). With o the observed entries and S a component's covariance,

    E[y - mu | y_o] = G (y_o - mu_o)    G = S_.o S_oo^-1    Cov[y | y_o] = S - G S_o.

so these statistics follow linearly from those of the observed part.
"""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from mdn.em.complete import ByResiduals
from mdn.em.statistics import Statistics
from mdn.families import floored_cholesky
from mdn.mixture import GaussianMixture
from mdn.scale import CovarianceFactor


class ByRegression:
    """Rows of which only some entries are seen; the others are regressed on them.

    Args:
        mixture: without batch axes, of all entries.
        seen: which entries the rows have; at least one.
        floor: what no diagonal entry of the factor of the covariance is below.
    """

    def __init__(self, mixture: GaussianMixture, seen: Bool[Tensor, " D"], floor: float) -> None:
        covariance = mixture.scale.covariance()
        # The pivots of part of a covariance are no smaller than those of the whole.
        tril = floored_cholesky(covariance[:, seen][:, :, seen], floor)
        scale = CovarianceFactor.from_tril(tril)
        self._observed = ByResiduals(GaussianMixture(mixture.log_pi, mixture.mu[:, seen], scale))
        self._regression = torch.cholesky_solve(covariance[:, seen], tril).mT
        self._left = covariance - self._regression @ covariance[:, seen]
        self.about = mixture.mu

    def __call__(self, y: Float[Tensor, "N O"], weight: Float[Tensor, " N"]) -> Statistics:
        some = self._observed(y, weight)
        first = (self._regression @ some.first[..., None]).squeeze(-1)
        explained = self._regression @ some.second @ self._regression.mT
        second = explained + some.mass[:, None, None] * self._left
        return Statistics(some.mass, first, second, some.log_likelihood, some.weight, self.about)

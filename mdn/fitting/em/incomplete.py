"""Statistics of rows that miss the same entries.

Such a row counts by the density of what is observed. What is missing is replaced by what the rest
tells of it: in the first moments its conditional mean, in the second the conditional covariance
besides (Ghahramani and Jordan 1994). With o the observed entries and S a component's covariance,

    E[y - mu | y_o] = G (y_o - mu_o)    G = S_.o S_oo^-1    Cov[y | y_o] = S - G S_o.

so these statistics follow linearly from those of the observed part. No covariance is inverted:
with A the factor of S, A_o its observed rows and L L' = A_o A_o' by orthogonalization, the rows of
W = L^-1 A_o are orthonormal, and

    G = A W' L^-1    S - G S_o. = R R' with R = A - A W' W
"""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from mdn.distributions.mixture import GaussianMixture
from mdn.fitting.em.complete import ByResiduals
from mdn.fitting.em.statistics import Statistics


class ByRegression:
    """Rows with only some entries observed; the others are regressed on them.

    Args:
        mixture: without batch axes, of all entries.
        observed: which entries the rows have; at least one.
    """

    def __init__(self, mixture: GaussianMixture, observed: Bool[Tensor, " D"]) -> None:
        part = mixture.marginal(observed.nonzero().squeeze(-1).tolist())
        self._observed = ByResiduals(part)
        factor, tril = mixture.scale.tril(), part.scale.tril()
        whitened = torch.linalg.solve_triangular(tril, factor[:, observed], upper=False)
        shared = factor @ whitened.mT
        self._regression = torch.linalg.solve_triangular(tril, shared, upper=False, left=False)
        rest = factor - shared @ whitened
        self._left = rest @ rest.mT
        self.about = mixture.mu

    def __call__(self, y: Float[Tensor, "N O"], weight: Float[Tensor, " N"]) -> Statistics:
        some = self._observed(y, weight)
        first = (self._regression @ some.first[..., None]).squeeze(-1)
        explained = self._regression @ some.second @ self._regression.mT
        second = explained + some.mass[:, None, None] * self._left
        return Statistics(some.mass, first, second, some.log_likelihood, some.weight, self.about)

"""The E-step: rows in, their statistics under one mixture out."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from mdn.distributions.families import Family
from mdn.distributions.mixture import GaussianMixture
from mdn.fitting.em.complete import ByFeatures, ByResiduals
from mdn.fitting.em.incomplete import ByRegression
from mdn.fitting.em.patterns import observed_patterns
from mdn.fitting.em.statistics import Statistics

# Leaves ten digits after the point of a log density in float64.
_MOST_DIGITS_LOST = 6


class EStep:
    """The E-step under one mixture, for any number of batches; float64 within.

    Args:
        mixture: without batch axes.
        family: tells which second moments to collect.
        origin: a point near the data, the same in all steps of a fit.
    """

    def __init__(
        self, mixture: GaussianMixture, family: Family, origin: Float[Tensor, " D"]
    ) -> None:
        self._mixture = mixture.to(dtype=torch.float64)
        features = ByFeatures(self._mixture, family, origin.to(self._mixture.mu))
        exact = features.digits_lost() <= _MOST_DIGITS_LOST
        self._complete = features if exact else ByResiduals(self._mixture)
        self._incomplete: dict[tuple[bool, ...], ByRegression] = {}

    @torch.no_grad()
    def __call__(
        self, y: Float[Tensor, "N D"], weight: Float[Tensor, " N"] | None = None
    ) -> Statistics:
        """Return the statistics of rows, in which NaN is missing."""
        y = y.double()
        weight = y.new_ones(len(y)) if weight is None else weight.double()
        if not y.isnan().any():
            return self._complete(y, weight)
        return self._with_missing(y, weight)

    def _with_missing(self, y: Float[Tensor, "N D"], weight: Float[Tensor, " N"]) -> Statistics:
        missing = y.isnan().any(-1)
        total = self._complete(y[~missing], weight[~missing])
        y, weight = y[missing], weight[missing]
        for observed, rows in observed_patterns(y):
            some = self._regression(observed)(y[rows][:, observed], weight[rows])
            total += some.moved(self._complete.about)
        return total

    def _regression(self, observed: Bool[Tensor, " D"]) -> ByRegression:
        key = tuple(observed.tolist())
        if key not in self._incomplete:
            self._incomplete[key] = ByRegression(self._mixture, observed)
        return self._incomplete[key]

"""The E-step: rows in, their statistics under one mixture out."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from mdn.distributions.families import Family
from mdn.distributions.mixture import GaussianMixture
from mdn.fitting.em.complete import ByFeatures, ByResiduals
from mdn.fitting.em.incomplete import ByRegression
from mdn.fitting.em.statistics import Statistics

# Leaves ten digits after the point of a log density in float64.
_MOST_DIGITS_LOST = 6


class EStep:
    """The E-step under one mixture, for any number of batches; float64 within.

    Args:
        mixture: without batch axes.
        family: tells which second moments there are to collect.
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
        """Statistics of rows, in which NaN is missing."""
        y = y.double()
        weight = y.new_ones(len(y)) if weight is None else weight.double()
        observed = ~y.isnan()
        if observed.all():
            return self._complete(y, weight)
        return self._with_missing(y, weight, observed)

    def _with_missing(
        self, y: Float[Tensor, "N D"], weight: Float[Tensor, " N"], observed: Bool[Tensor, "N D"]
    ) -> Statistics:
        whole = observed.all(-1)
        total = self._complete(y[whole], weight[whole])
        patterns, which = torch.unique(observed, dim=0, return_inverse=True)
        for i, seen in enumerate(patterns):
            if seen.any() and not seen.all():
                rows = which == i
                some = self._regression(seen)(y[rows][:, seen], weight[rows])
                total += some.moved(self._complete.about)
        return total

    def _regression(self, seen: Bool[Tensor, " D"]) -> ByRegression:
        key = tuple(seen.tolist())
        if key not in self._incomplete:
            self._incomplete[key] = ByRegression(self._mixture, seen)
        return self._incomplete[key]

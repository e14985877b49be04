"""One number that makes predicted densities wider or narrower, found on rows held back.

A network trained to the end of its patience is often surer than it should be, on all rows alike.
With m the mean of a row's mixture and one c for all rows, y' = m + c (y - m) corrects that: means
of components move away from m by c as their scales grow by c, so that the whole distribution
widens, which scales alone cannot do where components lie apart. It is to densities what temperature
scaling (Guo et al. 2017) is to classes. A factor below one may bring scales below the floor that
they were trained with.
"""

import math
import warnings
from collections.abc import Callable
from functools import singledispatch

import torch
from jaxtyping import Float
from scipy.optimize import minimize_scalar
from torch import Tensor

from mdn.distributions.abstract import Mixture
from mdn.distributions.mixture import GaussianMixture
from mdn.distributions.transformed.mixture import TransformedMixture
from mdn.metrics import nll
from mdn.model.card import LEAST_RECALIBRATION, MOST_RECALIBRATION
from mdn.networks.units import effective_rows
from mdn.networks.weights import check_weights, unit_weights

_FEWEST_ROWS = 10
"""So many rows of equal weight tell a factor to a fifth; one row asks for no width at all."""

_TRIALS = 41
"""Dispersions to try first: the score need not have one minimum only."""


def best_dispersion(
    mixture: Mixture,
    y: Float[Tensor, "N D"],
    weight: Float[Tensor, " N"] | None = None,
    score: Callable[[Mixture, Tensor], Tensor] = nll,
    within: tuple[float, float] = (LEAST_RECALIBRATION, MOST_RECALIBRATION),
) -> float:
    """The factor for `GaussianMixture.dispersed` under which some rows score best.

    Args:
        mixture: the predictions for these rows.
        y: what came true.
        weight: how often each row counts.
        score: of each row; less is better.
        within: the range to choose from.

    Returns:
        1 where there are fewer than ten effective rows.

    Raises:
        ValueError: on weights that are not finite, negative or all zero, and where the mean score
            is finite under no factor.
    """
    weight = torch.ones_like(y[:, 0]) if weight is None else weight
    check_weights(weight, len(y))
    counted = weight > 0
    if not counted.all():  # zero times an infinite score is not zero
        mixture, y, weight = mixture[counted], y[counted], weight[counted]
    if effective_rows(weight) < _FEWEST_ROWS:
        warnings.warn(
            f"{effective_rows(weight):.1f} rows are too few to tell a dispersion, which takes at "
            f"least {_FEWEST_ROWS}: densities stay as they are",
            stacklevel=2,
        )
        return 1.0
    share = unit_weights(weight)
    share = (share / share.sum()).to(y)
    widened = dispersal(mixture)

    @torch.no_grad()
    def mean_score(log_factor: float) -> float:
        found = float(share @ score(widened(math.exp(log_factor)), y))
        return found if math.isfinite(found) else math.inf  # nothing compares with NaN

    return math.exp(_lowest(mean_score, *(math.log(end) for end in within)))


@singledispatch
def dispersal(mixture: GaussianMixture) -> Callable[[float], Mixture]:
    """Return the mixtures that are wider or narrower about their means, by the factor."""
    center = mixture.mean
    return lambda factor: mixture.dispersed(factor, center)


@dispersal.register
def _on_learned_scale(mixture: TransformedMixture) -> Callable[[float], Mixture]:
    """Recalibrated is what the network learned: the mixture on the learned scale."""
    center = mixture.base.mean
    return lambda factor: mixture.on_learned_scale(lambda base: base.dispersed(factor, center))


def _lowest(mean_score: Callable[[float], float], low: float, high: float) -> float:
    """Find the log of the best factor, among trials first: there may be several minima."""
    trials = torch.linspace(low, high, _TRIALS).double().tolist()
    scores = [mean_score(each) for each in trials]
    best = min(range(_TRIALS), key=scores.__getitem__)
    if scores[best] == math.inf:
        raise ValueError(
            "the mean score of the rows is not finite under any dispersion; look for NaN or absurd "
            "values in the predictions and in y"
        )
    around = trials[max(0, best - 1)], trials[min(_TRIALS - 1, best + 1)]
    found = minimize_scalar(mean_score, bounds=around, method="bounded", options={"xatol": 1e-5})
    return min(found.x, min(max(low, 0.0), high), key=mean_score)

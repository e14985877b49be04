"""One number that makes predicted densities wider or narrower, found on rows held back.

A network trained to the end of its patience is often surer than it should be, on all rows alike.
With m the mean of a row's mixture and one c for all rows, y' = m + c (y - m) corrects that: means
of components move away from m by c as their scales grow by c, so that the whole distribution
widens, which scales alone cannot do where components lie apart. It is to densities what temperature
scaling (Guo et al. 2017) is to classes. A factor below one may bring scales below the floor that
they were trained with.
"""

import math
from collections.abc import Callable

import torch
from jaxtyping import Float
from scipy.optimize import minimize_scalar
from torch import Tensor

from mdn.metrics import nll
from mdn.mixture import GaussianMixture

LEAST, MOST = 0.1, 10.0
"""Between which the dispersion is sought."""

_TRIALS = 41
"""Dispersions to try first: the score need not have one minimum only."""


def best_dispersion(
    mixture: GaussianMixture,
    y: Float[Tensor, "N D"],
    weight: Float[Tensor, " N"] | None = None,
    score: Callable[[GaussianMixture, Tensor], Tensor] = nll,
) -> float:
    """The factor for `GaussianMixture.dispersed` under which some rows score best.

    Args:
        mixture: the predictions for these rows.
        y: what came true.
        weight: how often each row counts.
        score: of each row; less is better.
    """
    share = torch.ones_like(y[:, 0]) if weight is None else weight
    share = (share / share.sum()).to(y)
    centre = mixture.mean

    @torch.no_grad()
    def mean_score(log_factor: float) -> float:
        wider = mixture.dispersed(math.exp(log_factor), centre)
        return float(share @ score(wider, y))

    trials = torch.linspace(math.log(LEAST), math.log(MOST), _TRIALS).double().tolist()
    best = min(range(_TRIALS), key=[mean_score(each) for each in trials].__getitem__)
    around = trials[max(0, best - 1)], trials[min(_TRIALS - 1, best + 1)]
    found = minimize_scalar(mean_score, bounds=around, method="bounded", options={"xatol": 1e-5})
    return math.exp(min(found.x, 0.0, key=mean_score))

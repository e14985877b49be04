"""Gradient descent on a mixture of its own: the head of the network, without inputs."""

import math

import torch
from jaxtyping import Float
from torch import Tensor

from mdn.em import MixtureFit, onto_family
from mdn.families import Family
from mdn.mixture import GaussianMixture
from mdn.networks import MixtureHead

_LEARNING_RATE = 0.05
# Adam does not rise at every step: wait so many for a better one.
_PATIENCE = 30


def fit_gradient(
    y: Float[Tensor, "N D"],
    family: Family,
    weight: Float[Tensor, " N"],
    start: GaussianMixture,
    max_iter: int,
    tol: float,
) -> MixtureFit:
    """Fit a Gaussian mixture by Adam on all rows at once.

    Args:
        y: rows, standardised; nothing missing.
        family: the covariance family.
        weight: of each row.
        start: its scales are projected on the family.
        max_iter: steps at most.
        tol: stop when the mean log likelihood has risen by less than this in 30 steps.

    Returns:
        The likeliest mixture on the way; its lower bounds are those of the likeliest so far.
    """
    head = MixtureHead(0, y.shape[-1], start.num_components, family).double()
    head.start(onto_family(start, family), shrink=0.0)
    optimizer = torch.optim.Adam((p for p in head.parameters() if p.numel()), _LEARNING_RATE)
    share, best, bounds = weight / weight.sum(), start, []
    while len(bounds) < max_iter and not _rests(bounds, tol):
        mixture = head(y.new_empty(0))
        likelihood = share @ mixture.log_prob(y)
        if likelihood > max(bounds, default=-math.inf):
            best = mixture.detach()
        bounds.append(max([likelihood.item(), *bounds[-1:]]))
        optimizer.zero_grad()
        likelihood.neg().backward()
        optimizer.step()
    return MixtureFit(best, bounds, _rests(bounds, tol), [0] * start.num_components)


def _rests(bounds: list[float], tol: float) -> bool:
    return len(bounds) > _PATIENCE and bounds[-1] - bounds[-1 - _PATIENCE] < tol

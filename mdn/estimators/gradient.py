"""Gradient descent on a mixture of its own: the head of the network, without inputs."""

from copy import deepcopy

import torch
from jaxtyping import Float
from torch import Tensor

from mdn.distributions.checks import check_fits, check_not_negative
from mdn.distributions.families import Family
from mdn.distributions.family_check import check_family
from mdn.distributions.mixture import GaussianMixture
from mdn.fitting.em import MixtureFit, onto_family
from mdn.networks.head import MixtureHead
from mdn.networks.weights import unit_weights

# Clusters far apart are narrow in standardized units, and the first steps overshoot them.
_LEARNING_RATES = [0.05 / 4**cuts for cuts in range(4)]
# Adam does not rise at every step: wait so many for a better one.
_PATIENCE = 30
# Numbers kept for each row, component and column, at the least, from which a gradient is made.
_COPIES = 2


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
        y: rows, standardized; nothing missing.
        family: the covariance family.
        weight: of each row.
        start: its scales are projected on the family.
        max_iter: steps at most.
        tol: go back to the likeliest and take smaller steps when the mean log likelihood has risen
            by less than this in 30 steps; stop when it does so at the smallest.

    Returns:
        The likeliest mixture on the way; its lower bounds are those of the likeliest so far.
    """
    check_not_negative("tol", tol)
    num_rows, num_targets = y.shape
    check_fits(
        8.0 * _COPIES * num_rows * start.num_components * num_targets,
        f'method "gradient" with {num_rows} rows, {start.num_components} components and '
        f"{num_targets} columns",
    )
    check_family(family, start.num_components, num_targets)
    head = MixtureHead(0, num_targets, start.num_components, family).double()
    head.start(onto_family(start, family), shrink=0.0)
    weight = unit_weights(weight)
    share, bounds, climbed = weight / weight.sum(), [], []
    for rate in _LEARNING_RATES:
        climbed = _climb(head, y, share, rate, max_iter - len(bounds), tol)
        bounds += climbed
    return MixtureFit(
        _mixture(head).detach(), bounds, _rests(climbed, tol), [0] * start.num_components
    )


def _climb(
    head: MixtureHead,
    y: Float[Tensor, "N D"],
    share: Float[Tensor, " N"],
    rate: float,
    max_iter: int,
    tol: float,
) -> list[float]:
    """Bounds of the likeliest so far, at one learning rate; the head is left at the likeliest."""
    optimizer = torch.optim.Adam((p for p in head.parameters() if p.numel()), rate)
    best, bounds = deepcopy(head.state_dict()), []
    while len(bounds) < max_iter and not _rests(bounds, tol):
        likelihood = share @ _mixture(head).log_prob(y)
        if bounds and likelihood > bounds[-1]:
            best = deepcopy(head.state_dict())
        bounds.append(max([*bounds[-1:], likelihood.item()]))
        optimizer.zero_grad()
        likelihood.neg().backward()
        optimizer.step()
    head.load_state_dict(best)
    return bounds


def _mixture(head: MixtureHead) -> GaussianMixture:
    """Return the mixture of a head of one member that looks at no features."""
    return head(head.weights.bias.new_empty(1, 1, 0))[0, 0]


def _rests(bounds: list[float], tol: float) -> bool:
    return len(bounds) > _PATIENCE and bounds[-1] - bounds[-1 - _PATIENCE] < tol

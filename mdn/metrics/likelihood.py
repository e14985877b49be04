"""Scores of the density itself: how many nats each row costs."""

import math

import torch
from jaxtyping import Float
from torch import Tensor

from mdn import normal
from mdn.mixture import GaussianMixture
from mdn.scale import CovarianceFactor
from mdn.triangular import lower_factor


def nll(mixture: GaussianMixture, y: Float[Tensor, "*rows D"]) -> Float[Tensor, "*out"]:
    """Negative log likelihood in nats."""
    return -mixture.log_prob(y)


def nll_bits(mixture: GaussianMixture, y: Float[Tensor, "*rows D"]) -> Float[Tensor, "*out"]:
    """Negative log likelihood in bits."""
    return nll(mixture, y) / math.log(2)


def target_nll(mixture: GaussianMixture, y: Float[Tensor, "*rows D"]) -> Float[Tensor, "*out D"]:
    """Negative log likelihood of each target on its own, in nats."""
    standard = (y[..., None, :] - mixture.mu) / mixture.sigma
    each = mixture.log_pi[..., None] + normal.log_density(standard) - mixture.sigma.log()
    return -torch.logsumexp(each, -2)


def gain(
    mixture: GaussianMixture, y: Float[Tensor, "*rows D"], reference: GaussianMixture
) -> Float[Tensor, "*out"]:
    """How many nats a row is more likely than under a reference that knows no inputs."""
    return mixture.log_prob(y) - reference.log_prob(y)


def marginal_gaussian(y: Float[Tensor, "N D"], min_scale: float = 1e-6) -> GaussianMixture:
    """The Gaussian with the mean and covariance of some rows: the reference of least effort.

    Args:
        y: the training rows.
        min_scale: the smallest conditional standard deviation, for targets that never change.
    """
    mean = y[0] + (y - y[0]).mean(0)
    # Of the rows themselves: their covariance would be singular where its own factor is not.
    tril = lower_factor((y - mean).mT / len(y) ** 0.5, floor=min_scale)
    return GaussianMixture(y.new_zeros(1), mean[None], CovarianceFactor.from_tril(tril[None]))


def grid_nll(
    mixture: GaussianMixture, y: Float[Tensor, "*rows D"], step: Float[Tensor, " D"]
) -> Float[Tensor, "*out"]:
    """Negative log likelihood per unit of volume, for targets that were rounded to a grid.

    The density is averaged over the cell of width `step` around each value, so that a spike on a
    grid point gains nothing below -sum log step. In each component a target's cell is taken given
    the values of those before it, which makes the cells' probabilities sum to one; with a diagonal
    covariance they are exactly those of the mixture.

    Args:
        mixture: the predictions.
        y: the values.
        step: of each target's grid, in its units; 0 for a target that was not rounded, of which the
            density is taken as it is.
    """
    whitened = mixture.scale.whiten_far(y[..., None, :] - mixture.mu)
    std = mixture.scale.tril().diagonal(dim1=-2, dim2=-1)
    rounded = step > 0
    width = torch.where(rounded, step, torch.ones_like(step))
    mass = normal.log_mass(*torch.broadcast_tensors(whitened, 0.5 * width / std))
    each = torch.where(rounded, mass, normal.log_density(whitened) - std.log())
    return width.log().sum() - torch.logsumexp(mixture.log_pi + each.sum(-1), -1)

"""Scores of the density itself: how many nats each row costs."""

import math
from functools import singledispatch

import torch
from jaxtyping import Float
from torch import Tensor

from mdn.distributions import normal
from mdn.distributions.abstract import Mixture
from mdn.distributions.checks import check_not_negative
from mdn.distributions.mixture import GaussianMixture
from mdn.distributions.named_values import column_names
from mdn.distributions.numbers import Numbers, as_tensor
from mdn.distributions.scale import CovarianceFactor
from mdn.distributions.target_names import agreed
from mdn.distributions.triangular import lower_factor
from mdn.distributions.values import Values, as_direction, takes_values


@takes_values
def nll(mixture: Mixture, y: Float[Tensor, "*rows D"]) -> Float[Tensor, "*out"]:
    """Return the negative log likelihood in nats."""
    return -mixture.log_prob(y)


@takes_values
def nll_bits(mixture: Mixture, y: Float[Tensor, "*rows D"]) -> Float[Tensor, "*out"]:
    """Return the negative log likelihood in bits."""
    return nll(mixture, y) / math.log(2)


@takes_values
def target_nll(mixture: Mixture, y: Float[Tensor, "*rows D"]) -> Float[Tensor, "*out D"]:
    """Return the negative log likelihood of each target on its own, in nats."""
    return target_nll_of(mixture, y)


@singledispatch
def target_nll_of(mixture: GaussianMixture, y: Float[Tensor, "*rows D"]) -> Float[Tensor, "*out D"]:
    """Return `target_nll` of values that are read; another kind of mixture registers its own."""
    standard = (y[..., None, :] - mixture.mu) / mixture.sigma
    each = mixture.log_pi[..., None] + normal.log_density(standard) - mixture.sigma.log()
    return -torch.logsumexp(each, -2)


@takes_values
def gain(
    mixture: Mixture, y: Float[Tensor, "*rows D"], reference: Mixture
) -> Float[Tensor, "*out"]:
    """Measure how many nats a row is more likely than under a reference that knows no inputs.

    Raises:
        ValueError: on a reference of other targets, or whose batch does not fit the rows.
    """
    if reference.num_targets != mixture.num_targets:
        raise ValueError(
            f"a reference must be of the same {mixture.num_targets} targets as the mixture, got "
            f"{reference.num_targets}"
        )
    agreed((mixture.target_names, reference.target_names))
    return mixture.log_prob(y) - reference.log_prob(y)


def marginal_gaussian(y: Numbers, min_scale: float = 1e-6) -> GaussianMixture:
    """Return the Gaussian with the mean and covariance of some rows, the simplest reference.

    Args:
        y: the training rows, [N, D], or [N] of one target; the columns of a frame name the targets.
        min_scale: the smallest conditional standard deviation, for targets that never change.

    Raises:
        TypeError: on what is not real numbers.
        ValueError: on no rows, rows that are not finite, or a negative min_scale.
    """
    check_not_negative("min_scale", min_scale)
    names, y = column_names(y), _finite_rows(y)
    mean = y[0] + (y - y[0]).mean(0)
    # Of the rows themselves: their covariance would be singular where its own factor is not.
    tril = lower_factor((y - mean).mT / len(y) ** 0.5, floor=min_scale)
    scale = CovarianceFactor.from_tril(tril[None])
    return GaussianMixture(y.new_zeros(1), mean[None], scale, names)


@takes_values
def grid_nll(mixture: Mixture, y: Float[Tensor, "*rows D"], step: Values) -> Float[Tensor, "*out"]:
    """Return the negative log likelihood per unit of volume, for targets rounded to a grid.

    The density is averaged over the cell of width `step` around each value, so that a spike on a
    grid point gains nothing below -sum log step. In each component a target's cell is taken given
    the values of those before it, which makes the cells' probabilities sum to one; with a diagonal
    covariance they are exactly those of the mixture.

    Args:
        mixture: the predictions.
        y: the values.
        step: of each target's grid, in its units; 0 for a target that was not rounded, of which the
            density is taken as it is.

    Raises:
        ValueError: on a step that is not a finite number of at least 0 for each target.
    """
    mixture, step = as_direction(mixture, step, "step")
    y = y.to(step)
    if not (step.isfinite() & (step >= 0)).all():
        raise ValueError(f"the steps of a grid are finite and at least 0, got {step.tolist()}")
    return grid_nll_of(mixture, y, step)


@singledispatch
def grid_nll_of(
    mixture: GaussianMixture, y: Float[Tensor, "*rows D"], step: Float[Tensor, " D"]
) -> Float[Tensor, "*out"]:
    """Return `grid_nll` of values that are read; another kind of mixture registers its own."""
    whitened = mixture.scale.whiten_far(y[..., None, :] - mixture.mu)
    std = mixture.scale.tril().diagonal(dim1=-2, dim2=-1)
    rounded = step > 0
    width = torch.where(rounded, step, torch.ones_like(step))
    mass = normal.log_mass(*torch.broadcast_tensors(whitened, 0.5 * width / std))
    each = torch.where(rounded, mass, normal.log_density(whitened) - std.log())
    return width.log().sum() - torch.logsumexp(mixture.log_pi + each.sum(-1), -1)


def _finite_rows(y: Numbers) -> Float[Tensor, "N D"]:
    rows = as_tensor(y, "y")
    rows = rows[:, None] if rows.ndim == 1 else rows
    if rows.ndim != 2 or not rows.numel() or not rows.isfinite().all():
        raise ValueError(
            f"y must be at least one row of finite numbers, [N, D], got shape {list(rows.shape)}"
            + (" with NaN or infinity" if rows.numel() else "")
        )
    return rows

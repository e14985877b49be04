"""Scores of mixtures on another scale that are no answers of theirs.

With m = exp(mu + s^2 / 2), two independent lognormal variables are at the mean distance

    E abs(X - X') = m erf((mu - mu' + s^2) / (t sqrt 2)) + m' erf((mu' - mu + s'^2) / (t sqrt 2))

with t^2 = s^2 + s'^2, from which the CRPS of their mixtures follows (for one, Baran & Lerch 2015).
On a logit scale it is the integral of the squared distance of distribution functions.
"""

import math
from functools import singledispatch

import torch
from jaxtyping import Float
from torch import Tensor

from mdn.distributions import normal
from mdn.distributions.mixture import GaussianMixture
from mdn.distributions.transformed.logit_integrals import lower_area
from mdn.distributions.transformed.mixture import TransformedMixture
from mdn.distributions.transformed.transforms import LogitTransform, LogTransform, Transform
from mdn.metrics.calibration import rosenblatt_of
from mdn.metrics.log_scores import grid_nll_of, target_nll_of
from mdn.metrics.scores import crps_by_distances, crps_of

_FAR = 40.0
"""Standard deviations from the mean beyond which a normal distribution has next to nothing."""


@target_nll_of.register
def _target_nll(
    mixture: TransformedMixture, y: Float[Tensor, "*rows D"]
) -> Float[Tensor, "*out D"]:
    each = [mixture.marginal([d]).log_prob(y[..., [d]]) for d in range(mixture.num_targets)]
    return -torch.stack(each, -1)


@rosenblatt_of.register
def _rosenblatt(
    mixture: TransformedMixture, y: Float[Tensor, "*rows D"]
) -> Float[Tensor, "*out D"]:
    return rosenblatt_of(mixture.base, mixture.learned(y))


@crps_of.register
def _crps(mixture: TransformedMixture, y: Float[Tensor, "*rows D"]) -> Float[Tensor, "*out D"]:
    each = zip(mixture.transforms, y.unbind(-1), strict=True)
    scores = [
        crps_on(transform, mixture.base.marginal([d]), values)
        for d, (transform, values) in enumerate(each)
    ]
    return torch.stack(scores, -1)


@singledispatch
def crps_on(
    transform: Transform, base: GaussianMixture, y: Float[Tensor, "*rows"]
) -> Float[Tensor, "*out"]:
    """Return the CRPS of one target in its own units, from its mixture on the learned scale."""
    return crps_of(base, y[..., None]).squeeze(-1)


@crps_on.register
def _crps_on_log(
    transform: LogTransform, base: GaussianMixture, y: Float[Tensor, "*rows"]
) -> Float[Tensor, "*out"]:
    inside = y.clamp(min=transform.low)
    z = transform.forward(inside)[..., None]
    return crps_by_distances(base, z, _lognormal_distance).squeeze(-1) + (inside - y)


def _lognormal_distance(mu: Tensor, sigma: Tensor, other_mu: Tensor, other_sigma: Tensor) -> Tensor:
    spread = math.sqrt(2) * torch.hypot(sigma, other_sigma)
    one, other = sigma.square(), other_sigma.square()
    left = (mu + one / 2).exp() * torch.erf((mu - other_mu + one) / spread)
    return left + (other_mu + other / 2).exp() * torch.erf((other_mu - mu + other) / spread)


@crps_on.register
def _crps_on_logit(
    transform: LogitTransform, base: GaussianMixture, y: Float[Tensor, "*rows"]
) -> Float[Tensor, "*out"]:
    inside = y.clamp(transform.low, transform.high)
    shape = torch.broadcast_shapes(inside.shape, base.batch_shape)
    z = transform.forward(inside).expand(shape)
    mu, sigma = base.mu.squeeze(-1), base.sigma.squeeze(-1)
    below = lower_area(base.pi, mu, sigma, z, power=2)
    above = lower_area(base.pi, -mu, sigma, -z, power=2)
    return (transform.high - transform.low) * (below + above) + (inside - y).abs()


@grid_nll_of.register
def _grid_nll(
    mixture: TransformedMixture, y: Float[Tensor, "*rows D"], step: Float[Tensor, " D"]
) -> Float[Tensor, "*out"]:
    base, rounded = mixture.base, step > 0
    possible, z, log_slope = mixture.with_slope(y)
    whitened = base.scale.whiten_far(z[..., None, :] - base.mu)
    std = base.scale.tril().diagonal(dim1=-2, dim2=-1)
    ends = [mixture.learned(y + torch.where(rounded, side * step / 2, 0)) for side in (-1, 1)]
    low, high = (whitened + (end - z)[..., None, :] / std for end in ends)
    mass = _log_mass(low, high, (ends[1] - ends[0])[..., None, :] / std / 2)
    density = normal.log_density(whitened) - std.log() + log_slope[..., None, :]
    each = torch.where(rounded, mass, density)
    width = torch.where(rounded, step, torch.ones_like(step)).log().sum()
    nll = width - torch.logsumexp(base.log_pi + each.sum(-1), -1)
    return torch.where(possible, nll, torch.inf)


def _log_mass(low: Tensor, high: Tensor, half: Tensor) -> Tensor:
    """The log probability of cells of a standard normal variable, one end of which may be inf."""
    # Far below the upper end of a cell is nothing beside the rest of it, and above likewise.
    bottom = torch.maximum(low, high.clamp(max=0) - _FAR)
    top = torch.minimum(high, bottom.clamp(min=0) + _FAR)
    whole = (bottom == low) & (top == high)
    half = torch.where(whole & (half > 0), half, ((top - bottom) / 2).clamp(min=_FAR**-9))
    return normal.log_mass((bottom + top) / 2, half)

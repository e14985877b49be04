"""Scores of mixtures on another scale that are no answers of theirs.

With the parts of means E[X; X < y] = exp(mu + s^2 / 2) Phi((log y - mu) / s - s), and E[X; X < X']
likewise, the CRPS of a mixture of lognormals (for one, Baran & Lerch 2015) is

    y (2 F(y) - 1) + 2 sum_i pi_i (sum_j pi_j E[X_i; X_i < X_j] - E[X_i; X_i < y])

in which no mean stands alone: that of a wide component may be beyond all numbers, whatever its
weight, and the score is not.
On a logit scale it is the integral of the squared distance of distribution functions.
"""

from functools import singledispatch

import torch
from jaxtyping import Float
from torch import Tensor

from mdn.distributions import normal
from mdn.distributions.mixture import GaussianMixture
from mdn.distributions.transformed.log_scales import LogitTransform, LogTransform
from mdn.distributions.transformed.logit_integrals import lower_area
from mdn.distributions.transformed.mixture import TransformedMixture
from mdn.distributions.transformed.transforms import Transform
from mdn.metrics.calibration import rosenblatt_of
from mdn.metrics.cells import draw_between, log_mass_between
from mdn.metrics.log_scores import grid_nll_of, target_nll_of
from mdn.metrics.scores import crps_of


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
    z, above = transform.forward(inside)[..., None], inside - transform.low
    mu, sigma = base.mu.squeeze(-1), base.sigma.squeeze(-1)
    below_value = _mean_below(mu, sigma, z, torch.zeros_like(z))
    parts = (base.pi * (_mean_below_another(base.pi, mu, sigma) - below_value)).sum(-1)
    share = base.cdf(z).squeeze(-1)
    return above * (2 * share - 1) + 2 * parts + (inside - y)


def _mean_below_another(pi: Tensor, mu: Tensor, sigma: Tensor) -> Tensor:
    """sum_j pi_j E[X_i; X_i < X_j], for each component i."""
    total = torch.zeros_like(mu)
    for j in range(mu.shape[-1]):  # all at once would take K times the memory
        total = total + pi[..., [j]] * _mean_below(mu, sigma, mu[..., [j]], sigma[..., [j]])
    return total


def _mean_below(mu: Tensor, sigma: Tensor, other_mu: Tensor, other_sigma: Tensor) -> Tensor:
    """E[X; X < X'] of lognormal variables, the second of which may be a number."""
    distance = (other_mu - mu - sigma.square()) / torch.hypot(sigma, other_sigma)
    return (mu + sigma.square() / 2 + normal.log_cdf(distance)).exp()


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
    mass = log_mass_between(low, high, (ends[1] - ends[0])[..., None, :] / std / 2)
    density = normal.log_density(whitened) - std.log() + log_slope[..., None, :]
    each = torch.where(rounded, mass, density)
    width = torch.where(rounded, step, torch.ones_like(step)).log().sum()
    nll = width - torch.logsumexp(base.log_pi + each.sum(-1), -1)
    return torch.where(possible, nll, torch.inf)


@draw_between.register
def _draw_between(
    mixture: TransformedMixture,
    y: Float[Tensor, "*rows D"],
    low: Float[Tensor, "*rows D"],
    high: Float[Tensor, "*rows D"],
    generator: torch.Generator | None,
) -> Float[Tensor, "*out D"]:
    y, low, high = (mixture.learned(values) for values in (y, low, high))
    drawn = draw_between(mixture.base, y, low, high, generator)
    each = zip(mixture.transforms, drawn.unbind(-1), strict=True)
    return torch.stack([transform.inverse(values) for transform, values in each], -1)

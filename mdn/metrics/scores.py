"""Scores in the units of the targets: of the whole distribution, and of a point or a quantile.

With A(m, s) = E abs N(m, s^2) = m (2 Phi(m / s) - 1) + 2 s phi(m / s), the continuous ranked
probability score of a mixture over one target is (Grimit et al. 2006)

    E abs(Y - y) - 1/2 E abs(Y - Y')
        = sum_i pi_i A(y - mu_i, s_i) - 1/2 sum_ij pi_i pi_j A(mu_i - mu_j, sqrt(s_i^2 + s_j^2))

and the energy score, the same with the norm in D dimensions, is the average of it over all
directions u on which the mixture is projected, times sqrt(pi) Gamma((D + 1) / 2) / Gamma(D / 2).
"""

import math
from collections.abc import Callable
from functools import singledispatch

import torch
from jaxtyping import Float
from torch import Tensor

from mdn.distributions import normal
from mdn.distributions.abstract import Mixture
from mdn.distributions.arguments import Levels, is_one, probabilities, whole
from mdn.distributions.mixture import GaussianMixture
from mdn.distributions.scale import DiagonalScale
from mdn.distributions.values import takes_values

_NUMBERS_AT_ONCE = 2**22
_PAIRS_AT_ONCE = 2**18

POINTS: dict[str, Callable[[Mixture], Tensor]] = {
    "mean": lambda mixture: mixture.mean,
    "median": lambda mixture: mixture.median,
    "mode": lambda mixture: mixture.modes()[0][..., 0, :],
}
"""What may be stated as the prediction: the mean, each target's median, or the highest mode.

For several targets it is the highest of the modes that `GaussianMixture.modes` finds, which may
miss a higher one.
"""


@takes_values
def crps(mixture: Mixture, y: Float[Tensor, "*rows D"]) -> Float[Tensor, "*out D"]:
    """Return the continuous ranked probability score of each target, in its units."""
    return crps_of(mixture, y)


@singledispatch
def crps_of(mixture: GaussianMixture, y: Float[Tensor, "*rows D"]) -> Float[Tensor, "*out D"]:
    """Return `crps` of values that are read; another kind of mixture registers its own."""
    pi, mu, sigma = mixture.pi[..., None], mixture.mu, mixture.sigma
    to_value = (pi * _mean_distance(y[..., None, :] - mu, sigma)).sum(-2)
    return to_value - 0.5 * _mean_distance_within(pi, mu, sigma)


@takes_values
def energy_score(
    mixture: Mixture,
    y: Float[Tensor, "*rows D"],
    num_directions: int = 64,
    seed: int = 0,
) -> Float[Tensor, "*out"]:
    """Return the energy score, the CRPS of all targets together; 0 is perfect.

    For targets of unlike units standardize first. Unbiased; the same directions at each call.

    Args:
        mixture: the predictions.
        y: the values.
        num_directions: how many; rounded up to whole orthogonal sets of D.
        seed: of the directions.

    Raises:
        ValueError: on fewer than one direction, and on a mixture that is on another scale.
    """
    num_directions = whole("num_directions", num_directions, 1)
    gaussian = _gaussian(mixture)
    directions = _orthogonal_directions(y, num_directions, seed)
    at_once = max(1, _NUMBERS_AT_ONCE // max(1, gaussian.mu.numel(), y.numel()))
    scores = [crps(_projected(gaussian, u), y @ u.mT).sum(-1) for u in directions.split(at_once)]
    return _norm_over_projection(y.shape[-1]) * torch.stack(scores).sum(0) / len(directions)


@takes_values
def squared_error(
    mixture: Mixture, y: Float[Tensor, "*rows D"], point: str
) -> Float[Tensor, "*out D"]:
    """Return the squared error of a point prediction in `POINTS`; its mean's root is the RMSE."""
    return (y - point_prediction(mixture, point)).square()


@takes_values
def absolute_error(
    mixture: Mixture, y: Float[Tensor, "*rows D"], point: str
) -> Float[Tensor, "*out D"]:
    """Return the absolute error of a point prediction in `POINTS`; its mean is the MAE."""
    return (y - point_prediction(mixture, point)).abs()


def point_prediction(mixture: Mixture, point: str) -> Float[Tensor, "*batch D"]:
    """Return the prediction that a name in `POINTS` stands for.

    Raises:
        ValueError: on another name.
    """
    if not isinstance(point, str) or point not in POINTS:
        raise ValueError(f"a point prediction is one of {list(POINTS)}, got {point!r}")
    return POINTS[point](mixture)


@takes_values
def pinball(
    mixture: Mixture, y: Float[Tensor, "*rows D"], levels: Levels
) -> Float[Tensor, "*out D"]:
    """Return the pinball loss of quantiles, [L, *rows, D]; [*rows, D] for one plain number."""
    each = probabilities(levels)
    over = [(level, y - q) for level, q in zip(each, mixture.quantile(each), strict=True)]
    losses = [torch.maximum(level * d, (level - 1) * d) for level, d in over]
    if is_one(levels):
        return losses[0]
    return torch.stack(losses) if losses else (y - mixture.median)[None][:0]


def _mean_distance(m: Tensor, s: Tensor) -> Tensor:
    standard = m / s
    return m * torch.erf(standard * math.sqrt(0.5)) + 2 * s * normal.density(standard)


def _mean_distance_within(pi: Tensor, mu: Tensor, sigma: Tensor) -> Tensor:
    """E abs(Y - Y') of each target, some components against those from them on at a time."""
    count, total = mu.shape[-2], torch.zeros_like(mu[..., 0, :])
    at_once = max(1, _PAIRS_AT_ONCE // max(1, mu.numel()))
    for start in range(0, count, at_once):
        some, ahead = slice(start, start + at_once), slice(start, None)
        # A pair stands for both its orders unless both are met here.
        orders = mu.new_full((count - start, 1), 2.0)
        orders[:at_once] = 1.0
        spread = torch.hypot(sigma[..., some, None, :], sigma[..., None, ahead, :])
        distance = _mean_distance(mu[..., some, None, :] - mu[..., None, ahead, :], spread)
        towards = ((orders * pi[..., ahead, :])[..., None, :, :] * distance).sum(-2)
        total = total + (pi[..., some, :] * towards).sum(-2)
    return total


def _gaussian(mixture: Mixture) -> GaussianMixture:
    if isinstance(mixture, GaussianMixture):
        return mixture
    raise ValueError(
        "an energy score projects mixtures, which are Gaussian then, and this one is on another "
        "scale than its targets; take the crps of each target, or the score of base on that scale"
    )


def _projected(mixture: GaussianMixture, directions: Float[Tensor, "M D"]) -> GaussianMixture:
    """The mixture along each of several directions, of which only the marginals are right."""
    std = torch.linalg.vector_norm(directions @ mixture.scale.tril(), dim=-1)
    scale = DiagonalScale(std, len(directions))
    return GaussianMixture(mixture.log_pi, mixture.mu @ directions.mT, scale)


def _norm_over_projection(targets: int) -> float:
    """The length of a vector over the mean length of its projections."""
    half = math.lgamma((targets + 1) / 2) - math.lgamma(targets / 2)
    return math.sqrt(math.pi) * math.exp(half)


def _orthogonal_directions(like: Tensor, count: int, seed: int) -> Float[Tensor, "M D"]:
    """Unit vectors, evenly distributed, in whole orthogonal sets: less noise than one by one."""
    targets = like.shape[-1]
    generator = torch.Generator().manual_seed(seed)
    sets = torch.randn(-(-count // targets), targets, targets, generator=generator)
    return torch.linalg.qr(sets.double()).Q.mT.reshape(-1, targets).to(like)

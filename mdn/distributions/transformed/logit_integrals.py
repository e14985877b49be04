"""Integrals of logit-normal variables, which have no closed form, to nearly full precision.

With S the logistic function, l = S' its density and Z ~ N(m, s^2), integration by parts gives

    E[S(Z)^n] = integral of n S(z)^(n-1) l(z) P(Z > z) dz

The trapezoidal rule on the whole line converges exponentially where integrands are analytic in a
strip (Trefethen & Weideman 2014). The integrand above is one that is smooth for s of at least 1; for
a smaller s the expectation itself is, as an integral over the standard normal variable.

Areas below a distribution function that end somewhere are sums over panels, which no component
leaves at more than 2.5 of its standard deviations, by Gauss and Legendre's rule.
"""

import math

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from mdn.distributions import normal
from mdn.distributions.questions.ragged import split

_STEP = 0.5
_NORMAL_REACH, _LOGISTIC_REACH = 9.0, 42.0
"""Where a normal and a logistic density are next to nothing beside their peaks."""

_EDGES = (-7.0, -4.5, -2.5, -1.0, 0.0, 1.0, 2.5, 4.5, 7.0)
"""Ends of panels, in standard deviations of each component."""

_PANELS = 33
_NODES = 8


def moments(
    mu: Float[Tensor, "*batch"], sigma: Float[Tensor, "*batch"]
) -> tuple[Float[Tensor, "*batch"], Float[Tensor, "*batch"], Float[Tensor, "*batch"]]:
    """Return mean and standard deviation of S(Z), and E[S'(Z)], for Z ~ N(mu, sigma^2)."""
    narrow = sigma < 1
    # Each formula is shown a harmless width where the other one holds.
    slim = torch.where(narrow, sigma, torch.ones_like(sigma))
    wide = torch.where(narrow, torch.ones_like(sigma), sigma)
    pairs = zip(_of_narrow(mu, slim), _of_wide(mu, wide), strict=True)
    mean, std, slope = (torch.where(narrow, one, other) for one, other in pairs)
    return mean, std, slope


def _of_narrow(mu: Tensor, sigma: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    t = torch.arange(-_NORMAL_REACH, _NORMAL_REACH + _STEP / 2, _STEP).to(mu)
    share = _STEP * normal.density(t)
    value = (mu[..., None] + sigma[..., None] * t).sigmoid()
    mean = (share * value).sum(-1)
    std = (share * (value - mean[..., None]).square()).sum(-1).sqrt()
    return mean, std, (share * value * (1 - value)).sum(-1)


def _of_wide(mu: Tensor, sigma: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    z = torch.arange(-_LOGISTIC_REACH, _LOGISTIC_REACH + _STEP / 2, _STEP).to(mu)
    logistic = _STEP * z.sigmoid() * (-z).sigmoid()
    standard = (mu[..., None] - z) / sigma[..., None]
    above = normal.cdf(standard)
    mean = (logistic * above).sum(-1)
    square = (2 * z.sigmoid() * logistic * above).sum(-1)
    slope = (logistic * normal.density(standard)).sum(-1) / sigma
    return mean, (square - mean.square()).clamp(min=0).sqrt(), slope


def lower_area(
    pi: Float[Tensor, "*batch K"],
    mu: Float[Tensor, "*batch K"],
    sigma: Float[Tensor, "*batch K"],
    end: Float[Tensor, "*batch"],
    power: int,
) -> Float[Tensor, "*batch"]:
    """Integrate F(z)^power S'(z) from minus infinity to an end, F of a mixture of Gaussians."""
    count = mu.shape[-1]
    pi, mu, sigma = (v.expand(*end.shape, count).reshape(-1, count) for v in (pi, mu, sigma))
    rows, flat = mu.shape[0], end.reshape(-1)
    numbers = (_PANELS + len(_EDGES) * count) * _NODES * count
    areas = [
        _area(pi[part], mu[part], sigma[part], flat[part], power) for part in split(rows, numbers)
    ]
    return torch.cat([*areas, flat[:0]]).reshape(end.shape)


def _area(pi: Tensor, mu: Tensor, sigma: Tensor, end: Tensor, power: int) -> Tensor:
    # F rises: what lies further below the peak of S' than this is nothing beside the rest.
    high = end.clamp(-_LOGISTIC_REACH * 100, _LOGISTIC_REACH)
    low = high.clamp(max=0) - _LOGISTIC_REACH
    even = torch.linspace(0, 1, _PANELS + 1).to(mu)
    edges = mu[..., None] + sigma[..., None] * mu.new_tensor(_EDGES)
    whole = torch.cat([low[:, None] + (high - low)[:, None] * even, edges.flatten(1)], -1)
    whole = torch.minimum(torch.maximum(whole, low[:, None]), high[:, None]).sort(-1).values
    nodes, shares = (torch.from_numpy(v).to(mu) for v in np.polynomial.legendre.leggauss(_NODES))
    half = whole.diff() / 2
    z = ((whole[:, 1:] + whole[:, :-1]) / 2)[..., None] + half[..., None] * nodes
    z = z.flatten(1)
    below = torch.zeros_like(z)
    for k in range(mu.shape[-1]):
        below += pi[:, k, None] * normal.cdf((z - mu[:, k, None]) / sigma[:, k, None])
    value = below**power * z.sigmoid() * (-z).sigmoid()
    return (half[..., None] * shares).flatten(1).mul(value).sum(-1)

"""Integrals of logit-normal variables, which have no closed form, to nearly full precision.

With S the logistic function, l = S' its density and Z ~ N(m, s^2), integration by parts gives

    E[S(Z)^n] = integral of n S(z)^(n-1) l(z) P(Z > z) dz

The trapezoidal rule on the whole line converges exponentially where integrands are analytic in a
strip (Trefethen & Weideman 2014). The integrand above is smooth for s of at least 1; for a smaller
s the expectation itself is, as an integral over the standard normal variable.

Areas below a distribution function that end somewhere are sums over panels, which no component
leaves at more than 2.5 of its standard deviations, by Gauss and Legendre's rule.
"""

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from mdn.distributions import normal
from mdn.distributions.questions.ragged import split

_STEP = 0.5
_MOST_NODES = 200
_NORMAL_REACH, _LOGISTIC_REACH = 9.0, 42.0
"""Where a normal and a logistic density are next to nothing beside their peaks."""

_EDGES = (-7.0, -4.5, -2.5, -1.0, 0.0, 1.0, 2.5, 4.5, 7.0)
"""Ends of panels, in standard deviations of each component."""

_WIDEST = 2.5
"""The longest panel, in standard deviations of components and in units of z."""

_LEAST, _NODES = 34, 8
"""Panels that suit S' alone, over twice its reach, and nodes in each panel."""


def moments(
    mu: Float[Tensor, "*batch"], sigma: Float[Tensor, "*batch"]
) -> tuple[Float[Tensor, "*batch"], Float[Tensor, "*batch"], Float[Tensor, "*batch"]]:
    """Return mean and standard deviation of S(Z), and E[S'(Z)], for Z ~ N(mu, sigma^2)."""
    narrow = sigma < 1
    found = mu.new_zeros(3, *mu.shape)
    for rule, chosen in ((_of_narrow, narrow), (_of_wide, ~narrow)):
        some = mu[chosen], sigma[chosen]
        parts = [rule(*(v[part] for v in some)) for part in split(len(some[0]), _MOST_NODES)]
        found[:, chosen] = torch.cat(parts, -1)
    return found[0], found[1], found[2]


def _of_narrow(mu: Float[Tensor, " n"], sigma: Float[Tensor, " n"]) -> Float[Tensor, "3 n"]:
    t = torch.arange(-_NORMAL_REACH, _NORMAL_REACH + _STEP / 2, _STEP).to(mu)
    share = _STEP * normal.density(t)
    value = (mu[:, None] + sigma[:, None] * t).sigmoid()
    mean = (share * value).sum(-1)
    std = (share * (value - mean[:, None]).square()).sum(-1).sqrt()
    return torch.stack([mean, std, (share * value * (1 - value)).sum(-1)])


def _of_wide(mu: Float[Tensor, " n"], sigma: Float[Tensor, " n"]) -> Float[Tensor, "3 n"]:
    z = torch.arange(-_LOGISTIC_REACH, _LOGISTIC_REACH + _STEP / 2, _STEP).to(mu)
    logistic = _STEP * z.sigmoid() * (-z).sigmoid()
    standard = (mu[:, None] - z) / sigma[:, None]
    above = logistic * normal.cdf(standard)
    mean = above.sum(-1)
    square = (2 * z.sigmoid() * above).sum(-1)
    slope = (logistic * normal.density(standard)).sum(-1) / sigma
    return torch.stack([mean, (square - mean.square()).clamp(min=0).sqrt(), slope])


def lower_area(
    pi: Float[Tensor, "*batch K"],
    mu: Float[Tensor, "*batch K"],
    sigma: Float[Tensor, "*batch K"],
    end: Float[Tensor, "*rows"],
    power: int,
) -> Float[Tensor, "*rows"]:
    """Integrate F(z)^power S'(z) from minus infinity to an end, F of a mixture of Gaussians.

    The batch is repeated for the ends.
    """
    count = mu.shape[-1]
    pi, mu, sigma = (v.expand(*end.shape, count).reshape(-1, count) for v in (pi, mu, sigma))
    rows, flat = mu.shape[0], end.nan_to_num(nan=0.0).reshape(-1)
    numbers = (_LEAST + len(_EDGES) * count) * _NODES
    areas = [
        _area(pi[part], mu[part], sigma[part], flat[part], power) for part in split(rows, numbers)
    ]
    return torch.cat([*areas, flat[:0]]).reshape(end.shape).masked_fill(end.isnan(), torch.nan)


def _area(pi: Tensor, mu: Tensor, sigma: Tensor, end: Tensor, power: int) -> Tensor:
    # F rises: what lies further below the peak of S' than this is nothing beside the rest.
    high = end.clamp(-100 * _LOGISTIC_REACH, _LOGISTIC_REACH)
    low = high.clamp(max=0) - _LOGISTIC_REACH
    # Below all components F is 0, and above them 1.
    first = torch.clamp((mu - _NORMAL_REACH * sigma).amin(-1), low, high)
    last = torch.clamp((mu + _NORMAL_REACH * sigma).amax(-1), first, high)
    edges = _panels(mu, sigma, first, last)
    nodes, shares = (torch.from_numpy(v).to(mu) for v in np.polynomial.legendre.leggauss(_NODES))
    half = edges.diff()[..., None] / 2
    z = ((edges[:, 1:] + edges[:, :-1])[..., None] / 2 + half * nodes).flatten(1)
    below = torch.zeros_like(z)
    for k in range(mu.shape[-1]):  # all at once would take K times the memory
        below += pi[:, k, None] * normal.cdf((z - mu[:, k, None]) / sigma[:, k, None])
    value = below**power * z.sigmoid() * (-z).sigmoid()
    return ((half * shares).flatten(1) * value).sum(-1) + high.sigmoid() - last.sigmoid()


def _panels(mu: Tensor, sigma: Tensor, first: Tensor, last: Tensor) -> Float[Tensor, "R E"]:
    """Ends of panels that suit S', and every component: of one length, unless few are narrow."""
    narrowest = (_WIDEST * sigma.amin(-1)).clamp(max=_WIDEST)
    needed = max([1, *((last - first) / narrowest).ceil().tolist()])
    several = _LEAST + len(_EDGES) * mu.shape[-1]
    even = torch.linspace(0, 1, 1 + int(needed if needed <= several else _LEAST))
    edges = first[:, None] + (last - first)[:, None] * even.to(mu)
    if needed > several:
        own = mu[..., None] + sigma[..., None] * mu.new_tensor(_EDGES)
        edges = torch.cat([edges, own.flatten(1)], -1)
    return torch.clamp(edges, first[:, None], last[:, None]).sort(-1).values

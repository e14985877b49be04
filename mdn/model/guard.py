"""A little probability for rows that are unlike all that were seen.

A mixture falls so fast beyond its components that one odd row can cost more than all others
together. By Laplace's rule of succession the next of n + 1 rows is unlike the n before it with a
probability of about 1 / (n + 1). This much goes to the Gaussian of the training targets that
ignores the inputs, and a part of it to one that is five times as wide. It costs at most 1 / n nats
a row, and bounds what any row can cost.
"""

import math

import torch
from jaxtyping import Float
from torch import Tensor

from mdn.distributions.mixture import GaussianMixture
from mdn.distributions.scale import CovarianceFactor, DiagonalScale, Scale

COMPONENTS = 2
"""How many components a guard adds to a mixture."""

WIDER, _SHARE = 5.0, 0.1
"""How much wider the second Gaussian is, and its share of the guard."""


def guarded(
    mixture: GaussianMixture, guard: float, tril: Float[Tensor, "D D"], wider: float = WIDER
) -> GaussianMixture:
    """Return a standardized mixture with two more components, the same for all rows.

    Args:
        mixture: of standardized targets.
        guard: the probability that the new components get together.
        tril: the Cholesky factor of the correlation of the targets.
        wider: how much wider the second component is.
    """
    log_pi, mu, scale = mixture.log_pi, mixture.mu, mixture.scale
    shares = [guard * (1 - _SHARE), guard * _SHARE]
    new = log_pi.new_tensor([math.log(share) for share in shares])
    return GaussianMixture(
        torch.cat([log_pi + math.log1p(-guard), new.expand(*log_pi.shape[:-1], 2)], -1),
        torch.cat([mu, torch.zeros_like(mu[..., :1, :]).expand(*mu.shape[:-2], 2, -1)], -2),
        _joined(scale, torch.stack([tril, wider * tril]).to(mu), mu.shape),
        mixture.target_names,
    )


def _joined(scale: Scale, new: Float[Tensor, "2 D D"], shape: torch.Size) -> Scale:
    *batch, _, targets = shape
    if scale.correlated:
        tril = scale.tril().expand(*shape, targets)
        return CovarianceFactor.from_tril(torch.cat([tril, new.expand(*batch, 2, -1, -1)], -3))
    std, wide = scale.std.expand(shape), new.norm(dim=-1).expand(*batch, 2, targets)
    return DiagonalScale(torch.cat([std, wide], -2), targets)

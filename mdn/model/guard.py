"""A little probability for rows that are unlike all that were seen.

A mixture falls so fast beyond its components that one odd row can cost more than all others
together. By Laplace's rule of succession the next of n + 1 rows is unlike the n before it with a
probability of about 1 / (n + 1). This much goes to the Gaussian of the training targets that
ignores the inputs, and a part of it to one that is five times as wide. It costs at most 1 / n nats
a row, and bounds what any row can cost. Rows held out may ask for more, and for wider ones.

The guard ignores the inputs, so that its density of some rows serves for every mass that one may
try: log p = log((1 - mass) p + mass guard).
"""

import math

import torch
from jaxtyping import Float
from torch import Tensor

from mdn.distributions.mixture import GaussianMixture
from mdn.distributions.scale import CovarianceFactor, DiagonalScale, Scale

COMPONENTS = 2
"""How many components a guard adds to a mixture."""

WIDER = 5.0
"""How much wider the second Gaussian is."""

_SHARES = 0.9, 0.1
"""What each Gaussian has of the guard."""

Widths = tuple[float, float]
"""Standard deviations of the two Gaussians, as multiples of those of the training targets."""


def guarded(
    mixture: GaussianMixture, guard: float, tril: Float[Tensor, "D D"], widths: Widths
) -> GaussianMixture:
    """Return a standardized mixture with two more components, the same for all rows.

    Args:
        mixture: of standardized targets.
        guard: the probability that the new components get together.
        tril: the Cholesky factor of the correlation of the targets.
        widths: of the new components.
    """
    log_pi, mu, scale = mixture.log_pi, mixture.mu, mixture.scale
    # Tensors, for an ONNX graph holds plain numbers in single precision.
    rest = log_pi.new_tensor(math.log1p(-guard))
    new = log_pi.new_tensor([math.log(guard * share) for share in _SHARES])
    return GaussianMixture(
        torch.cat([log_pi + rest, new.expand(*log_pi.shape[:-1], 2)], -1),
        torch.cat([mu, torch.zeros_like(mu[..., :1, :]).expand(*mu.shape[:-2], 2, -1)], -2),
        _joined(scale, _factors(tril.to(mu), widths), mu.shape),
        mixture.target_names,
        guards=COMPONENTS,
    )


def guard_alone(
    like: GaussianMixture, tril: Float[Tensor, "D D"], widths: Widths
) -> GaussianMixture:
    """Return what `guarded` adds as a mixture of its own, of batch shape ().

    Args:
        like: a mixture that it is to be added to.
        tril: the Cholesky factor of the correlation of the targets.
        widths: of its components.
    """
    new = _factors(tril.to(like.mu), widths)
    scale = (
        CovarianceFactor.from_tril(new)
        if like.scale.correlated
        else DiagonalScale(new.norm(dim=-1), len(tril))
    )
    log_pi = new.new_tensor(_SHARES).log()
    return GaussianMixture(log_pi, torch.zeros_like(new[..., 0]), scale, like.target_names)


def _factors(tril: Float[Tensor, "D D"], widths: Widths) -> Float[Tensor, "2 D D"]:
    return torch.stack([width * tril for width in widths])


def _joined(scale: Scale, new: Float[Tensor, "2 D D"], shape: torch.Size) -> Scale:
    *batch, _, targets = shape
    if scale.correlated:
        tril = scale.tril().expand(*shape, targets)
        return CovarianceFactor.from_tril(torch.cat([tril, new.expand(*batch, 2, -1, -1)], -3))
    std, wide = scale.std.expand(shape), new.norm(dim=-1).expand(*batch, 2, targets)
    return DiagonalScale(torch.cat([std, wide], -2), targets)

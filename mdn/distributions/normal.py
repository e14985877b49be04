"""The standard normal distribution, to full relative precision in both tails.

`torch.special.ndtr` is 0 below -9 standard deviations in double and -6 in single precision; the
complementary error function carries on to -37 and -13.
"""

import math

import torch
from jaxtyping import Float
from torch import Tensor

_LOG_2PI = math.log(2 * math.pi)
# Where a cell is this narrow, a series is exact to rounding and differences of logs are not.
_NARROW = 0.03


def farthest(dtype: torch.dtype) -> float:
    """Return where a standardized residual is held, so that sums of squares stay finite."""
    return torch.finfo(dtype).max ** 0.45


def log_density(z: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
    """Return the log density at z; beyond `farthest` it stays what it is there."""
    far = farthest(z.dtype)
    return -0.5 * (z.clamp(-far, far).square() + _LOG_2PI)


def density(z: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
    """Return the density at z."""
    return log_density(z).exp()


def cdf(z: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
    """Return the probability below z; the one above is `cdf(-z)`."""
    return 0.5 * torch.erfc(z * -math.sqrt(0.5))


def log_cdf(z: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
    """Return the log probability below z; beyond `farthest` it stays what it is there."""
    far = farthest(z.dtype)
    return torch.special.log_ndtr(z.clamp(-far, far))


def mass(
    low: Float[Tensor, "*shape"], high: Float[Tensor, "*shape"], half: Float[Tensor, "*shape"]
) -> Float[Tensor, "*shape"]:
    """Return Phi(high) - Phi(low), to nearly full relative precision in both tails.

    Args:
        low: the lower end; may be infinite.
        high: the upper end, at least `low`; may be infinite.
        half: half their distance, whose digits their difference may have lost.
    """
    # Mirrored where it lies above the mean: differences of small tails keep their digits.
    above = low > 0
    low, high = torch.where(above, -high, low), torch.where(above, -low, high)
    center = (low + high) / 2
    narrow = half * (1 + center.abs()) < torch.finfo(half.dtype).eps ** 0.2
    # Each formula is shown a harmless range where the other one holds, or its gradient is NaN.
    slim, middle = torch.where(narrow, half, 0), torch.where(narrow, center, 0)
    curvature = slim.square() * (middle.square() - 1) / 6
    by_series = 2 * slim * density(middle) * (1 + curvature)
    return torch.where(narrow, by_series, cdf(high) - cdf(low))


def log_mass(
    center: Float[Tensor, "*shape"], half: Float[Tensor, "*shape"]
) -> Float[Tensor, "*shape"]:
    """Return the log of Phi(center + half) - Phi(center - half), for a positive half width."""
    center = center.abs().clamp(max=farthest(center.dtype))
    narrow = half * (1 + center) < _NARROW
    # Each formula is shown a harmless cell where the other one holds, or its gradient is NaN.
    wide = torch.where(narrow, torch.ones_like(half), half)
    slim = torch.where(narrow, half, torch.zeros_like(half))
    far, near = (log_cdf(edge - center) for edge in (-wide, wide))
    # Far out the logs are large and their difference is lost; it is at most this.
    ratio = torch.minimum(far - near, -2 * center * wide)
    by_difference = near + torch.log(-torch.expm1(ratio))
    curvature = slim.square() * (center.square() - 1) / 6
    by_series = curvature + log_density(center) + torch.log(2 * half)
    return torch.where(narrow, by_series, by_difference)

"""The scales of targets that are positive, or that lie between two ends.

`LogTransform` has closed forms: exp(N(m, s^2)) is lognormal, with mean exp(m + s^2 / 2) and
variance mean^2 (exp(s^2) - 1). `LogitTransform` has none; its integrals are in `logit_integrals`.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from mdn.distributions import normal
from mdn.distributions.mixture import GaussianMixture
from mdn.distributions.transformed.logit_integrals import lower_area, moments
from mdn.distributions.transformed.transforms import Moments, Tilt, Transform


@dataclass(frozen=True)
class LogTransform(Transform):
    """log(y - low), for values above `low`.

    Attributes:
        low: what every value lies above.

    Raises:
        ValueError: on a number that is not finite.
    """

    low: float = 0.0

    def __post_init__(self) -> None:
        _check_finite("low", self.low)

    @property
    def support(self) -> tuple[float, float]:
        return self.low, math.inf

    @property
    def tilts(self) -> Sequence[Tilt]:
        return [(-1.0, 0.0)]

    def label(self, name: str) -> str:
        shift = f" {'-' if self.low > 0 else '+'} {abs(self.low):g}" if self.low else ""
        return f"log({name}{shift})"

    def forward(self, y: Float[Tensor, "*rows"]) -> Float[Tensor, "*rows"]:
        return (y - self.low).clamp(min=0).log()

    def inverse(self, z: Float[Tensor, "*rows"]) -> Float[Tensor, "*rows"]:
        return _inside(self.low + z.exp(), z, self.support)

    def log_slope(self, y: Float[Tensor, "*rows"]) -> Float[Tensor, "*rows"]:
        return -(y - self.low).log()

    def moments(
        self, mu: Float[Tensor, "*batch"], sigma: Float[Tensor, "*batch"]
    ) -> tuple[Float[Tensor, "*batch"], Float[Tensor, "*batch"]]:
        above = self.mean_slope(mu, sigma)
        return self.low + above, above * sigma.square().expm1().sqrt()

    def mean_slope(
        self, mu: Float[Tensor, "*batch"], sigma: Float[Tensor, "*batch"]
    ) -> Float[Tensor, "*batch"]:
        return (mu + sigma.square() / 2).exp()

    def mean_change(
        self,
        mu: Float[Tensor, "*batch"],
        sigma: Float[Tensor, "*batch"],
        shift: Float[Tensor, "*batch"],
    ) -> Float[Tensor, "*batch"]:
        return self.mean_slope(mu, sigma) * shift.expm1()

    def cross_covariance(
        self, other: Transform, own: Moments, others: Moments, covariance: Float[Tensor, "*batch"]
    ) -> Float[Tensor, "*batch"]:
        # exp(z1) N(z1, z2) moves the mean of z2 by the covariance.
        return self.mean_slope(*own) * other.mean_change(*others, covariance)

    def expected_shortfall(
        self, mixture: GaussianMixture, level: float, upper: bool
    ) -> Float[Tensor, "*batch"]:
        sign = -1 if upper else 1
        quantile = tail_quantile(mixture, level, upper)
        mu, sigma = mixture.mu.squeeze(-1), mixture.sigma.squeeze(-1)
        standard = (quantile[..., None] - mu) / sigma
        # About the quantile, whose own error counts only by its square then.
        anchor = quantile.detach().exp()
        # In logs, for the mean alone may be beyond all numbers.
        log_share = normal.log_cdf(sign * (standard - sigma))
        inside = (mu + sigma.square() / 2 + log_share).exp()
        beyond = inside - anchor[..., None] * normal.cdf(sign * standard)
        return self.low + anchor + (mixture.pi * beyond).sum(-1) / level


@dataclass(frozen=True)
class LogitTransform(Transform):
    """logit((y - low) / (high - low)), for values between two ends.

    Attributes:
        low: what every value lies above.
        high: what every value lies below.

    Raises:
        ValueError: on numbers that are not finite, or not in this order.
    """

    low: float = 0.0
    high: float = 1.0
    has_cross_covariance = False

    def __post_init__(self) -> None:
        _check_finite("low", self.low)
        _check_finite("high", self.high)
        if not 0 < self._width < math.inf:
            raise ValueError(f"high must lie above low, got {self.high!r} and {self.low!r}")

    @property
    def _width(self) -> float:
        return self.high - self.low

    @property
    def support(self) -> tuple[float, float]:
        return self.low, self.high

    @property
    def tilts(self) -> Sequence[Tilt]:
        log_width = math.log(self._width)
        return [(-1.0, -log_width), (0.0, math.log(2) - log_width), (1.0, -log_width)]

    def label(self, name: str) -> str:
        usual = (self.low, self.high) == (0, 1)
        return f"logit({name})" if usual else f"logit({name} from {self.low:g} to {self.high:g})"

    def forward(self, y: Float[Tensor, "*rows"]) -> Float[Tensor, "*rows"]:
        below, above = (y - self.low).clamp(min=0), (self.high - y).clamp(min=0)
        return below.log() - above.log()

    def inverse(self, z: Float[Tensor, "*rows"]) -> Float[Tensor, "*rows"]:
        near_low = self.low + self._width * z.sigmoid()
        near_high = self.high - self._width * (-z).sigmoid()
        return _inside(torch.where(z > 0, near_high, near_low), z, self.support)

    def log_slope(self, y: Float[Tensor, "*rows"]) -> Float[Tensor, "*rows"]:
        return math.log(self._width) - (y - self.low).log() - (self.high - y).log()

    def moments(
        self, mu: Float[Tensor, "*batch"], sigma: Float[Tensor, "*batch"]
    ) -> tuple[Float[Tensor, "*batch"], Float[Tensor, "*batch"]]:
        mean, std, _ = moments(mu, sigma)
        return self.low + self._width * mean, self._width * std

    def mean_slope(
        self, mu: Float[Tensor, "*batch"], sigma: Float[Tensor, "*batch"]
    ) -> Float[Tensor, "*batch"]:
        return self._width * moments(mu, sigma)[2]

    def mean_change(
        self,
        mu: Float[Tensor, "*batch"],
        sigma: Float[Tensor, "*batch"],
        shift: Float[Tensor, "*batch"],
    ) -> Float[Tensor, "*batch"]:
        return self._width * (moments(mu + shift, sigma)[0] - moments(mu, sigma)[0])

    def cross_covariance(
        self, other: Transform, own: Moments, others: Moments, covariance: Float[Tensor, "*batch"]
    ) -> Float[Tensor, "*batch"]:
        if other.has_cross_covariance:
            return other.cross_covariance(self, others, own, covariance)
        raise ValueError(
            "the covariance of two targets that are both on a logit scale has no closed form; take "
            "it of samples"
        )

    def expected_shortfall(
        self, mixture: GaussianMixture, level: float, upper: bool
    ) -> Float[Tensor, "*batch"]:
        sign = -1 if upper else 1
        quantile = tail_quantile(mixture, level, upper)
        mu, sigma = mixture.mu.squeeze(-1), mixture.sigma.squeeze(-1)
        area = lower_area(mixture.pi, sign * mu, sigma, sign * quantile, power=1)
        return self.inverse(quantile) - sign * self._width * area / level


def tail_quantile(mixture: GaussianMixture, level: float, upper: bool) -> Float[Tensor, "*batch"]:
    """Return what one target stays below, or exceeds where `upper`, with a probability."""
    tail = torch.full_like(mixture.mu[..., 0, :], level)
    return mixture.icdf(tail, upper=upper).squeeze(-1)


def _inside(
    y: Float[Tensor, "*rows"], z: Float[Tensor, "*rows"], support: tuple[float, float]
) -> Float[Tensor, "*rows"]:
    """Values that rounding put on an end are moved to the nearest number inside."""
    low, high = (y.new_tensor(end) for end in support)
    first, last = torch.nextafter(low, high), torch.nextafter(high, low)
    return torch.where(z.isfinite(), y.clamp(first, last), y)


def _check_finite(name: str, value: float) -> None:
    if not math.isfinite(value):
        raise ValueError(f"{name} must be a finite number, got {value!r}")

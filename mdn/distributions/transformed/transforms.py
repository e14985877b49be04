"""Increasing maps from the values of a target to the scale on which its mixture is learned.

Prices are positive and shares lie between 0 and 1. A mixture of Gaussians has mass where no such
value can be; on the scale of log(y - low), or of logit((y - low) / (high - low)), it has none. The
density comes back from the scale of z = g(y) by the exact Jacobian,

    log p(y) = log q(g(y)) + log g'(y)

`LogTransform` has closed forms: exp(N(m, s^2)) is lognormal, with mean exp(m + s^2 / 2) and
variance mean^2 (exp(s^2) - 1). What `LogitTransform` lacks of them is in `logit_integrals`.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from mdn.distributions import normal
from mdn.distributions.mixture import GaussianMixture
from mdn.distributions.transformed.logit_integrals import lower_area, moments

Moments = tuple[Float[Tensor, "*batch"], Float[Tensor, "*batch"]]
"""Means and standard deviations."""

Tilt = tuple[float, float]
"""A power a and the log of a factor c, of the term c exp(a z)."""


@dataclass(frozen=True)
class Transform(ABC):
    """An increasing map from the values of a target to the scale that it is learned on."""

    is_identity = False
    has_cross_covariance = True
    """Whether its covariance with a target on any other scale is known."""

    @property
    @abstractmethod
    def support(self) -> tuple[float, float]:
        """The ends between which every value lies, themselves left out."""

    @property
    @abstractmethod
    def tilts(self) -> Sequence[Tilt]:
        """The derivative g' as a function of z = g(y): a sum of c exp(a z)."""

    @abstractmethod
    def label(self, name: str) -> str:
        """Return what a target of this name is called on the learned scale."""

    @abstractmethod
    def forward(self, y: Float[Tensor, "*rows"]) -> Float[Tensor, "*rows"]:
        """Return g(y); infinite at the ends of the support and beyond."""

    @abstractmethod
    def inverse(self, z: Float[Tensor, "*rows"]) -> Float[Tensor, "*rows"]:
        """Return h(z), the value on the user's scale; inside the support for finite z."""

    @abstractmethod
    def log_slope(self, y: Float[Tensor, "*rows"]) -> Float[Tensor, "*rows"]:
        """Return log g'(y), for values inside the support."""

    @abstractmethod
    def moments(
        self, mu: Float[Tensor, "*batch"], sigma: Float[Tensor, "*batch"]
    ) -> tuple[Float[Tensor, "*batch"], Float[Tensor, "*batch"]]:
        """Return mean and standard deviation of h(Z), Z ~ N(mu, sigma^2)."""

    @abstractmethod
    def mean_slope(
        self, mu: Float[Tensor, "*batch"], sigma: Float[Tensor, "*batch"]
    ) -> Float[Tensor, "*batch"]:
        """Return E[h'(Z)], Z ~ N(mu, sigma^2)."""

    @abstractmethod
    def mean_change(
        self,
        mu: Float[Tensor, "*batch"],
        sigma: Float[Tensor, "*batch"],
        shift: Float[Tensor, "*batch"],
    ) -> Float[Tensor, "*batch"]:
        """Return E[h(Z + shift)] - E[h(Z)], Z ~ N(mu, sigma^2)."""

    @abstractmethod
    def cross_covariance(
        self, other: "Transform", own: Moments, others: Moments, covariance: Float[Tensor, "*batch"]
    ) -> Float[Tensor, "*batch"]:
        """Return the covariance of h(Z) with another target's, Gaussian on their scales.

        Args:
            other: the other target's transform.
            own: mean and standard deviation of Z.
            others: the same of the other target, on its scale.
            covariance: of both on these scales.
        """

    @abstractmethod
    def expected_shortfall(
        self, mixture: GaussianMixture, level: float, upper: bool
    ) -> Float[Tensor, "*batch"]:
        """Return the mean of h(Z) over the lowest, or highest, share of outcomes.

        Args:
            mixture: of Z, one target.
            level: the share, above 0.
            upper: whether the highest are meant.
        """

    def holds(self, y: Float[Tensor, "*rows"]) -> Tensor:
        """Tell which values lie inside the support; NaN, which is missing, may."""
        low, high = self.support
        return ~((y <= low) | (y >= high))

    def check_holds(self, y: Float[Tensor, "*rows"], name: str) -> None:
        """Refuse values outside of the support.

        Raises:
            ValueError: with the first one and its row.
        """
        outside = (~self.holds(y)).flatten().nonzero()
        if len(outside):
            low, high = self.support
            row = int(outside[0])
            raise ValueError(
                f"{name} on {self} must lie above {low:g} and below {high:g}, got "
                f"{y.flatten()[row].item():g} in row {row}"
            )


@dataclass(frozen=True)
class Identity(Transform):
    """The user's own scale."""

    is_identity = True

    @property
    def support(self) -> tuple[float, float]:
        return -math.inf, math.inf

    @property
    def tilts(self) -> Sequence[Tilt]:
        return [(0.0, 0.0)]

    def label(self, name: str) -> str:
        return name

    def forward(self, y: Float[Tensor, "*rows"]) -> Float[Tensor, "*rows"]:
        return y

    def inverse(self, z: Float[Tensor, "*rows"]) -> Float[Tensor, "*rows"]:
        return z

    def log_slope(self, y: Float[Tensor, "*rows"]) -> Float[Tensor, "*rows"]:
        return torch.zeros_like(y)

    def moments(
        self, mu: Float[Tensor, "*batch"], sigma: Float[Tensor, "*batch"]
    ) -> tuple[Float[Tensor, "*batch"], Float[Tensor, "*batch"]]:
        return mu, sigma

    def mean_slope(
        self, mu: Float[Tensor, "*batch"], sigma: Float[Tensor, "*batch"]
    ) -> Float[Tensor, "*batch"]:
        return torch.ones_like(mu)

    def mean_change(
        self,
        mu: Float[Tensor, "*batch"],
        sigma: Float[Tensor, "*batch"],
        shift: Float[Tensor, "*batch"],
    ) -> Float[Tensor, "*batch"]:
        return shift

    def cross_covariance(
        self, other: Transform, own: Moments, others: Moments, covariance: Float[Tensor, "*batch"]
    ) -> Float[Tensor, "*batch"]:
        return covariance * other.mean_slope(*others)  # Stein's lemma

    def expected_shortfall(
        self, mixture: GaussianMixture, level: float, upper: bool
    ) -> Float[Tensor, "*batch"]:
        return mixture.expected_shortfall(level, upper).squeeze(-1)


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

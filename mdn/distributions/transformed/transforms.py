"""Increasing maps from the values of a target to the scale on which its mixture is learned.

Prices are positive and shares lie between 0 and 1. A mixture of Gaussians has mass where no such
value can be; on the scale of log(y - low), or of logit((y - low) / (high - low)), it has none. The
density comes back from the scale of z = g(y) by the exact Jacobian,

    log p(y) = log q(g(y)) + log g'(y)

The scales of positive and of bounded targets are in `log_scales`.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from mdn.distributions.mixture import GaussianMixture

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

"""Mean and variance of a mixture."""

import math
from typing import TypeVar

import torch
from jaxtyping import Float
from torch import Tensor

from mdn.parameters import MixtureParameters
from mdn.triangular import norm

AnyMoments = TypeVar("AnyMoments", bound="Moments")


class Moments(MixtureParameters):
    """The first two moments of the targets."""

    @property
    def mean(self) -> Float[Tensor, "*batch D"]:
        """E[y]."""
        near = self._near()
        return near + self._mean_from(near)

    @property
    def covariance(self) -> Float[Tensor, "*batch D D"]:
        """Cov[y]: the mean of the covariances plus the covariance of the means."""
        root = self._covariance_root()
        return root @ root.mT

    @property
    def std(self) -> Float[Tensor, "*batch D"]:
        """Standard deviation of each target under the whole mixture."""
        share = self._root_pi()
        parts = torch.cat([share * self.sigma, share * self._away()], -2)
        return norm(parts.mT)

    def _near(self) -> Float[Tensor, "*batch D"]:
        """The mean of the heaviest component, about which moments are taken.

        About zero, the rounding of the weights would be multiplied by all of a large offset.
        """
        heaviest = self.log_pi.argmax(-1)[..., None, None]
        return self.mu.detach().take_along_dim(heaviest, -2).squeeze(-2)

    def _mean_from(self, point: Float[Tensor, "*#batch D"]) -> Float[Tensor, "*batch D"]:
        """E[y - point], in which no offset is left that point and means share."""
        near = self._near()
        return (near - point) + (self.pi[..., None] * (self.mu - near[..., None, :])).sum(-2)

    def _away(self) -> Float[Tensor, "*batch K D"]:
        """What the means of the components are from that of the mixture."""
        near = self._near()
        return (self.mu - near[..., None, :]) - self._mean_from(near)[..., None, :]

    def _root_pi(self) -> Float[Tensor, "*batch K 1"]:
        # Not the root of the weight, whose gradient has no bound at 0.
        return (0.5 * self.log_pi).exp()[..., None]

    def _covariance_root(self) -> Float[Tensor, "*batch D E"]:
        """A root of the covariance: its product with its transpose."""
        share = self._root_pi()
        factors = share[..., None] * self.scale.tril()
        means = (share * self._away())[..., None]
        return torch.cat([factors, means], -1).movedim(-2, -3).flatten(-2)

    def dispersed(
        self: AnyMoments, factor: float, about: Float[Tensor, "*#batch D"] | None = None
    ) -> AnyMoments:
        """The mixture of m + factor (y - m): as wide about m, its mean, as `factor` says.

        The mean stays, the covariance is multiplied by factor^2. Other than wider components
        alone, this widens the distribution however far apart the components are.

        Args:
            factor: above 1 for wider, below for narrower.
            about: another centre m.

        Raises:
            ValueError: on a factor that is not positive.
        """
        if not 0 < factor < math.inf:
            raise ValueError(f"a dispersion is multiplied by a positive number, got {factor!r}")
        scale = self.scale.rescale(self.mu.new_full((self.num_targets,), factor))
        if about is None:
            # Moved, not placed, and by what the rounding of a large mean has no part in.
            return type(self)(self.log_pi, self.mu + (factor - 1) * self._away(), scale)
        centre = about[..., None, :]
        return type(self)(self.log_pi, centre + factor * (self.mu - centre), scale)

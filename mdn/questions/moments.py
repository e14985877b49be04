"""Mean and variance of a mixture."""

import math
from numbers import Real
from typing import TypeVar

from jaxtyping import Float
from torch import Tensor

from mdn.parameters import MixtureParameters
from mdn.values import Values, as_values

AnyMoments = TypeVar("AnyMoments", bound="Moments")


class Moments(MixtureParameters):
    """The first two moments of the targets."""

    @property
    def mean(self) -> Float[Tensor, "*batch D"]:
        """E[y]."""
        return (self.pi[..., None] * self.mu).sum(-2)

    @property
    def covariance(self) -> Float[Tensor, "*batch D D"]:
        """Cov[y]: the mean of the covariances plus the covariance of the means."""
        away = self.mu - self.mean[..., None, :]
        spread = self.scale.covariance() + away[..., :, None] * away[..., None, :]
        return (self.pi[..., None, None] * spread).sum(-3)

    @property
    def std(self) -> Float[Tensor, "*batch D"]:
        """Standard deviation of each target under the whole mixture."""
        away = self.mu - self.mean[..., None, :]
        return (self.pi[..., None] * (self.sigma.square() + away.square())).sum(-2).sqrt()

    def dispersed(self: AnyMoments, factor: float, about: Values | None = None) -> AnyMoments:
        """The mixture of m + factor (y - m): as wide about m, its mean, as `factor` says.

        The mean stays, the covariance is multiplied by factor^2. Other than wider components
        alone, this widens the distribution however far apart the components are.

        Args:
            factor: above 1 for wider, below for narrower.
            about: another centre m, [*rows, D], read as `mdn.values` says.

        Raises:
            TypeError: on a centre that is not real numbers.
            ValueError: on a factor that is not positive, or a centre that does not fit.
        """
        if not (isinstance(factor, Real) and 0 < factor < math.inf):
            raise ValueError(f"a dispersion is multiplied by a positive number, got {factor!r}")
        if about is None:
            return self._dispersed(float(factor), self.mean)
        mixture, centre = as_values(self, about, "about")
        return mixture._dispersed(float(factor), centre)

    def _dispersed(
        self: AnyMoments, factor: float, centre: Float[Tensor, "*#batch D"]
    ) -> AnyMoments:
        centre = centre[..., None, :]
        scale = self.scale.rescale(self.mu.new_full((self.num_targets,), factor))
        return type(self)(self.log_pi, centre + factor * (self.mu - centre), scale)

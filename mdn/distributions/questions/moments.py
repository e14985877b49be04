"""Mean and variance of a mixture."""

import math
from dataclasses import replace
from numbers import Real
from typing import TypeVar

import torch
from jaxtyping import Float
from torch import Tensor

from mdn.distributions.parameters import MixtureParameters
from mdn.distributions.values import Values, as_values

AnyMoments = TypeVar("AnyMoments", bound="Moments")


class Moments(MixtureParameters):
    """The first two moments of the targets."""

    @property
    def mean(self) -> Float[Tensor, "*batch D"]:
        """E[y]."""
        near = self._near()
        return near + self._offset(near)

    @property
    def covariance(self) -> Float[Tensor, "*batch D D"]:
        """Cov[y]: the mean of the covariances plus the covariance of the means."""
        away = self._root_pi() * self._away()
        inside = self.pi[..., None, None] * self.scale.covariance()
        return (inside + away[..., :, None] * away[..., None, :]).sum(-3)

    @property
    def std(self) -> Float[Tensor, "*batch D"]:
        """Standard deviation of each target under the whole mixture."""
        share = self._root_pi()
        inside, between = share * self.sigma, share * self._away()
        largest = torch.maximum(inside.detach().amax(-2), between.detach().abs().amax(-2))
        # Divided before they are squared, where the squares would over- or underflow.
        unit = torch.where((largest > 0) & largest.isfinite(), largest, 1)[..., None, :]
        squares = (inside / unit).square() + (between / unit).square()
        return unit.squeeze(-2) * squares.sum(-2).sqrt()

    def _near(self) -> Float[Tensor, "*batch D"]:
        """The mean up to rounding: an offset far from 0 multiplies the rounding of the weights."""
        return (self.pi[..., None] * self.mu).sum(-2).detach()

    def _offset(self, point: Float[Tensor, "*#batch D"]) -> Float[Tensor, "*batch D"]:
        """E[y - point], in which no offset is left that point and means share."""
        return (self.pi[..., None] * (self.mu - point[..., None, :])).sum(-2)

    def _away(self) -> Float[Tensor, "*batch K D"]:
        """Measure the means of the components from the mean of the mixture."""
        near = self._near()
        away = self.mu - near[..., None, :]
        return away - self._offset(near)[..., None, :]

    def _root_pi(self) -> Float[Tensor, "*batch K 1"]:
        # Not the root of the weight, whose gradient has no bound at 0.
        return (0.5 * self.log_pi).exp()[..., None]

    def _covariance_root(self) -> Float[Tensor, "*batch D E"]:
        """R with R R' the covariance, which is not formed."""
        share = self._root_pi()
        parts = share[..., None] * self.scale.tril(), (share * self._away())[..., None]
        return torch.cat(parts, -1).movedim(-2, -3).flatten(-2)

    def dispersed(self: AnyMoments, factor: float, about: Values | None = None) -> AnyMoments:
        """Return the mixture of m + factor (y - m), wider or narrower about its mean m.

        The mean stays, the covariance is multiplied by factor^2. Other than wider components
        alone, this widens the distribution however far apart the components are.

        Args:
            factor: above 1 for wider, below for narrower.
            about: another center m, [*rows, D], read as `mdn.distributions.values` says.

        Raises:
            TypeError: on a center that is not real numbers.
            ValueError: on a factor that is not positive, or a center that does not fit.
        """
        if not (isinstance(factor, Real) and 0 < factor < math.inf):
            raise ValueError(f"a dispersion is multiplied by a positive number, got {factor!r}")
        if about is None:
            return self._dispersed(float(factor), None)
        mixture, center = as_values(self, about, "about")
        return mixture._dispersed(float(factor), center)

    def convolved(self: AnyMoments, std: float) -> AnyMoments:
        """Return the mixture of y + e with independent Gaussian noise e: its density, smoothed.

        The covariance of each component gets std^2 more on its diagonal.

        Args:
            std: the standard deviation of e, for all targets; 0 for the mixture as it is.

        Raises:
            ValueError: on a number that is negative or not finite.
        """
        if not (isinstance(std, Real) and 0 <= std < math.inf):
            raise ValueError(
                f"a smoothing takes one finite standard deviation of at least 0, got {std!r}"
            )
        return replace(self, scale=self.scale.convolved(float(std))) if std else self

    def _dispersed(
        self: AnyMoments, factor: float, about: Float[Tensor, "*#batch D"] | None
    ) -> AnyMoments:
        # Tensors, for an ONNX graph holds plain numbers in single precision.
        scale = self.scale.rescale(self.mu.new_tensor([factor] * self.num_targets))
        if about is None:
            # Moved, not placed, and by what the rounding of a large mean has no part in.
            moved = self.mu + self.mu.new_tensor(factor - 1) * self._away()
            return replace(self, mu=moved, scale=scale)
        center = about[..., None, :]
        return replace(self, mu=center + factor * (self.mu - center), scale=scale)

"""Mean and variance of a mixture."""

from jaxtyping import Float
from torch import Tensor

from mdn.parameters import MixtureParameters


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

"""Units in which columns have mean 0 and variance 1, and targets are uncorrelated."""

from dataclasses import dataclass

import torch
from jaxtyping import Float64
from torch import Tensor
from torch.distributions import MultivariateNormal

from mdn.networks.standardize import Standardizer


@dataclass(frozen=True, eq=False)
class Whitening:
    """The change of units z = L^-1 (y - mean), where L L' is a covariance."""

    mean: Float64[Tensor, " D"]
    tril: Float64[Tensor, "D D"]

    @classmethod
    def of(cls, y: Float64[Tensor, "N D"]) -> "Whitening":
        """Return the whitening by the unbiased covariance of some rows."""
        covariance = torch.atleast_2d(y.T.cov())
        return cls(y.mean(0), torch.linalg.cholesky(covariance))

    def __call__(self, y: Float64[Tensor, "N D"]) -> Float64[Tensor, "N D"]:
        """Return rows in these units."""
        return torch.linalg.solve_triangular(self.tril, (y - self.mean).T, upper=False).T

    @property
    def log_det(self) -> Float64[Tensor, ""]:
        """Return the log density in the user's units minus the log density in these."""
        return -self.tril.diagonal().log().sum()

    @property
    def normal(self) -> MultivariateNormal:
        """Return the Gaussian of this mean and covariance, in the user's units."""
        return MultivariateNormal(self.mean, scale_tril=self.tril)


def standardized(
    x: Float64[Tensor, "N P"], others: Float64[Tensor, "M P"]
) -> tuple[Float64[Tensor, "N P"], Float64[Tensor, "M P"]]:
    """Return inputs and the inputs of other rows, in standard deviations of the first."""
    units = Standardizer(x.shape[-1]).fit(x)
    return units(x, x.dtype), units(others, x.dtype)

"""What a synthetic problem is: rows at will, and where it exists the density they come from."""

from abc import ABC, abstractmethod

import torch
from jaxtyping import Float64
from torch import Tensor

from mdn.distributions.mixture import GaussianMixture
from mdn.distributions.scale import CovarianceFactor, DiagonalScale

Rows = tuple[Float64[Tensor, "N P"], Float64[Tensor, "N D"]]


class Problem(ABC):
    """A joint distribution of inputs and targets to sample from.

    Attributes:
        input_names: of the P columns of x; none for a density of y alone.
        target_names: of the D columns of y.
        has_independent_inputs: whether no input of a row tells anything of the others.
    """

    input_names: tuple[str, ...] = ("x",)
    target_names: tuple[str, ...] = ("y",)
    has_independent_inputs: bool = False

    @abstractmethod
    def sample(self, rows: int, generator: torch.Generator) -> Rows:
        """Draw rows of (x, y)."""

    @abstractmethod
    def log_prob(
        self, x: Float64[Tensor, "N P"], y: Float64[Tensor, "N D"]
    ) -> Float64[Tensor, " N"] | None:
        """Compute the exact log density of y given x, in nats; None where there is none."""


class MixtureProblem(Problem):
    """A problem whose p(y given x) is a Gaussian mixture."""

    @abstractmethod
    def conditional(self, x: Float64[Tensor, "N P"]) -> GaussianMixture:
        """Compute p(y given x): N mixtures."""

    def log_prob(
        self, x: Float64[Tensor, "N P"], y: Float64[Tensor, "N D"]
    ) -> Float64[Tensor, " N"]:
        return self.conditional(x).log_prob(y)


class IndependentMixtureProblem(MixtureProblem):
    """A mixture problem whose rows are independent."""

    @abstractmethod
    def inputs(self, rows: int, generator: torch.Generator) -> Float64[Tensor, "N P"]:
        """Draw rows of x."""

    def sample(self, rows: int, generator: torch.Generator) -> Rows:
        x = self.inputs(rows, generator)
        return x, self.conditional(x).sample(generator=generator)


class DensityProblem(IndependentMixtureProblem):
    """A Gaussian mixture p(y), without inputs."""

    input_names = ()

    @property
    @abstractmethod
    def mixture(self) -> GaussianMixture:
        """Make p(y), without batch axes."""

    def inputs(self, rows: int, generator: torch.Generator) -> Float64[Tensor, "N P"]:
        return torch.zeros(rows, 0, dtype=torch.float64)

    def conditional(self, x: Float64[Tensor, "N P"]) -> GaussianMixture:
        return self.mixture.expand(len(x))


def uniform(
    rows: int, low: float, high: float, generator: torch.Generator
) -> Float64[Tensor, "N 1"]:
    """Draw a column of uniform numbers."""
    return low + (high - low) * torch.rand(rows, 1, generator=generator, dtype=torch.float64)


def normal(
    rows: int, columns: int, std: float, generator: torch.Generator
) -> Float64[Tensor, "N C"]:
    """Draw columns of normal numbers about zero."""
    return std * torch.randn(rows, columns, generator=generator, dtype=torch.float64)


def univariate_mixture(
    pi: Float64[Tensor, "*batch K"],
    mu: Float64[Tensor, "*batch K"],
    std: Float64[Tensor, "*batch K"],
) -> GaussianMixture:
    """Make a mixture of one target from its weights, means and standard deviations."""
    return GaussianMixture(pi.log(), mu[..., None], DiagonalScale(std[..., None], 1))


def correlated_mixture(
    pi: Float64[Tensor, "*batch K"],
    mu: Float64[Tensor, "*batch K D"],
    covariance: Float64[Tensor, "*batch K D D"],
) -> GaussianMixture:
    """Make a mixture from its weights, means and covariances."""
    tril = torch.linalg.cholesky(covariance)
    return GaussianMixture(pi.log(), mu, CovarianceFactor.from_tril(tril))

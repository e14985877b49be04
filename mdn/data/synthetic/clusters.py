"""Densities of y alone: clusters in the plane, and in any number of dimensions."""

from functools import cached_property

import torch
from jaxtyping import Float64
from torch import Tensor

from mdn.data.seeds import generator
from mdn.data.synthetic.problem import DensityProblem, correlated_mixture
from mdn.distributions.checks import check_fits
from mdn.distributions.mixture import GaussianMixture


class ThreeGaussians(DensityProblem):
    """A quarter, a quarter and half of the rows, in three axis-aligned clusters."""

    target_names = ("y0", "y1")

    @cached_property
    def mixture(self) -> GaussianMixture:  # pyright: ignore[reportIncompatibleMethodOverride]
        pi = _float64([0.25, 0.25, 0.5])
        mu = _float64([[2.5, 2.5], [7.5, 7.5], [8.0, 1.5]])
        variances = _float64([[1.2, 0.8], [0.75, 0.5], [0.6, 0.8]])
        return correlated_mixture(pi, mu, variances.diag_embed())


class RandomClusters(DensityProblem):
    """Equally likely clusters with random centers and covariances.

    Args:
        num_components: clusters.
        num_targets: D.
        radius: centers are uniform in (-radius, radius) for each target.
        correlated: covariances are random correlation matrices; otherwise diagonal, with
            variances uniform in (0, 1).
        seed: of centers and covariances, whatever rows are then drawn.

    Raises:
        ValueError: on a number out of range.
    """

    def __init__(
        self, num_components: int, num_targets: int, radius: float, correlated: bool, seed: int
    ) -> None:
        _check_above_zero(num_components=num_components, num_targets=num_targets, radius=radius)
        covariances = float(num_components) * num_targets**2
        check_fits(8 * covariances, f"num_components={num_components} and {num_targets} targets")
        self.shape = (num_components, num_targets)
        self.radius = radius
        self.correlated = correlated
        self.seed = seed
        self.target_names = tuple(f"y{i}" for i in range(num_targets))

    @cached_property
    def mixture(self) -> GaussianMixture:  # pyright: ignore[reportIncompatibleMethodOverride]
        stream = generator("clusters", self.seed)
        unit = torch.rand(self.shape, generator=stream, dtype=torch.float64)
        mu = self.radius * (2 * unit - 1)
        pi = torch.full(self.shape[:1], 1 / self.shape[0], dtype=torch.float64)
        return correlated_mixture(pi, mu, self._covariances(stream))

    def _covariances(self, stream: torch.Generator) -> Float64[Tensor, "K D D"]:
        if not self.correlated:
            return torch.rand(self.shape, generator=stream, dtype=torch.float64).diag_embed()
        # More observations than targets, or the correlation would be singular.
        shape = (*self.shape, self.shape[1] + 8)
        observed = torch.randn(shape, generator=stream, dtype=torch.float64)
        centered = observed - observed.mean(-1, keepdim=True)
        unit = centered / torch.linalg.vector_norm(centered, dim=-1, keepdim=True)
        return unit @ unit.mT


def _float64(values: list) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


def _check_above_zero(**values: float) -> None:
    for name, value in values.items():
        if not value > 0:
            raise ValueError(f"{name} must be above 0, got {value!r}")

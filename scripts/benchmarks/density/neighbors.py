"""The targets of the k nearest rows, as one Gaussian or as a kernel density estimate.

With z_j the whitened targets of the neighbors of x, the density is N(mean z_j, covariance z_j +
h^2 I), or the mean of N(z_j, h^2 I). Leave-one-out likelihood chooses between the two, k and h.
"""

import math
from collections.abc import Callable
from itertools import product

import torch
from jaxtyping import Float64
from sklearn.neighbors import NearestNeighbors
from torch import Tensor
from torch.distributions import MultivariateNormal

from benchmarks.density.whitening import Whitening, standardized
from mdn.data.table import Table

NUMBERS = (3, 5, 8, 12, 20, 30, 50, 80, 120, 200, 300, 500, 800)
"""Candidates for k, as far as there are rows."""

SPREADS = (0.005, 0.01, 0.02, 0.03, 0.05, 0.08, 0.12, 0.2, 0.3, 0.45, 0.65, 1.0)
"""Candidates for h, in standard deviations of the targets."""

Estimator = Callable[
    [Float64[Tensor, "M K D"], Float64[Tensor, "M D"], float], Float64[Tensor, " M"]
]


def log_density(fit: Table, test: Table) -> Float64[Tensor, " M"]:
    """Return the log density of test rows, in the user's units, by the best estimator."""
    whiten = Whitening.of(fit.y)
    x, test_x = standardized(fit.x, test.x)
    z, test_z = whiten(fit.y), whiten(test.y)
    numbers = [k for k in NUMBERS if k < len(z)]
    search = NearestNeighbors(n_neighbors=numbers[-1]).fit(x.numpy())
    estimate, k, h = best_estimator(_targets(search, z, None), z, numbers)
    return whiten.log_det + estimate(_targets(search, z, test_x)[:, :k], test_z, h)


def _targets(
    search: NearestNeighbors, z: Float64[Tensor, "N D"], x: Float64[Tensor, "M P"] | None
) -> Float64[Tensor, "M K D"]:
    # Without x: the neighbors of each fitted row, without the row itself.
    nearest = search.kneighbors(None if x is None else x.numpy(), return_distance=False)
    return z[torch.as_tensor(nearest)]


def best_estimator(
    near: Float64[Tensor, "N K D"], z: Float64[Tensor, "N D"], numbers: list[int]
) -> tuple[Estimator, int, float]:
    """Return the (estimator, k, h) of the highest likelihood of each row given its neighbors.

    Args:
        near: targets of the neighbors of each row, nearest first.
        z: targets of each row.
        numbers: candidates for k.
    """

    def likelihood(choice: tuple[Estimator, int, float]) -> float:
        estimate, k, h = choice
        return estimate(near[:, :k], z, h).mean().item()

    return max(product((gaussian, kernels), numbers, SPREADS), key=likelihood)


def gaussian(
    near: Float64[Tensor, "M K D"], z: Float64[Tensor, "M D"], h: float
) -> Float64[Tensor, " M"]:
    """Return the log density of rows under one Gaussian fitted to their neighbors."""
    residual = near - near.mean(-2, keepdim=True)
    noise = h * h * torch.eye(z.shape[-1], dtype=z.dtype)
    covariance = residual.mT @ residual / near.shape[-2] + noise
    return MultivariateNormal(near.mean(-2), covariance).log_prob(z)


def kernels(
    near: Float64[Tensor, "M K D"], z: Float64[Tensor, "M D"], h: float
) -> Float64[Tensor, " M"]:
    """Return the log density of rows under a Gaussian around each of their neighbors."""
    squares = (near - z[:, None]).square().sum(-1)
    log_volume = z.shape[-1] * (math.log(h) + 0.5 * math.log(2 * math.pi))
    return (-squares / (2 * h * h)).logsumexp(-1) - math.log(near.shape[-2]) - log_volume

"""The targets of the k nearest rows, as one Gaussian or as a kernel density estimate.

With z_j the targets of the neighbours of x, whitened: N(mean z_j, covariance z_j + h^2 I), or the
mean of N(z_j, h^2 I). Which of them, k and h are chosen by leave-one-out likelihood.
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
"""What k is chosen from, as far as there are rows."""

SPREADS = (0.005, 0.01, 0.02, 0.03, 0.05, 0.08, 0.12, 0.2, 0.3, 0.45, 0.65, 1.0)
"""What h is chosen from, in standard deviations of the targets."""

Form = Callable[[Float64[Tensor, "M K D"], Float64[Tensor, "M D"], float], Float64[Tensor, " M"]]


def log_density(fit: Table, test: Table) -> Float64[Tensor, " M"]:
    """Of test rows, in the user's units, in the form that suits the rows to fit best."""
    whiten = Whitening.of(fit.y)
    x, test_x = standardized(fit.x, test.x)
    z, test_z = whiten(fit.y), whiten(test.y)
    numbers = [k for k in NUMBERS if k < len(z)]
    search = NearestNeighbors(n_neighbors=numbers[-1]).fit(x.numpy())
    form, k, h = best_form(_targets(search, z, None), z, numbers)
    return whiten.log_det + form(_targets(search, z, test_x)[:, :k], test_z, h)


def _targets(
    search: NearestNeighbors, z: Float64[Tensor, "N D"], x: Float64[Tensor, "M P"] | None
) -> Float64[Tensor, "M K D"]:
    """Those of the nearest rows first; without x, of each row's own without itself."""
    nearest = search.kneighbors(None if x is None else x.numpy(), return_distance=False)
    return z[torch.as_tensor(nearest)]


def best_form(
    near: Float64[Tensor, "N K D"], z: Float64[Tensor, "N D"], numbers: list[int]
) -> tuple[Form, int, float]:
    """(form, k, h) by the likelihood of each row given its neighbours' targets, nearest first."""

    def likelihood(choice: tuple[Form, int, float]) -> float:
        form, k, h = choice
        return form(near[:, :k], z, h).mean().item()

    return max(product((gaussian, kernels), numbers, SPREADS), key=likelihood)


def gaussian(
    near: Float64[Tensor, "M K D"], z: Float64[Tensor, "M D"], h: float
) -> Float64[Tensor, " M"]:
    """Log density of rows under one Gaussian of their neighbours."""
    residual = near - near.mean(-2, keepdim=True)
    noise = h * h * torch.eye(z.shape[-1], dtype=z.dtype)
    covariance = residual.mT @ residual / near.shape[-2] + noise
    return MultivariateNormal(near.mean(-2), covariance).log_prob(z)


def kernels(
    near: Float64[Tensor, "M K D"], z: Float64[Tensor, "M D"], h: float
) -> Float64[Tensor, " M"]:
    """Log density of rows under a Gaussian about each of their neighbours."""
    squares = (near - z[:, None]).square().sum(-1)
    log_volume = z.shape[-1] * (math.log(h) + 0.5 * math.log(2 * math.pi))
    return (-squares / (2 * h * h)).logsumexp(-1) - math.log(near.shape[-2]) - log_volume

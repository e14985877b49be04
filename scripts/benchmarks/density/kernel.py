"""The double-kernel conditional density, with bandwidths chosen by leave-one-out likelihood.

p(y given x) = sum_j w_j(x) N(y; y_j, h^2 S), w_j(x) in proportion to exp(-|x - x_j|^2 / 2 b^2),
with standardized inputs and S the covariance of the targets (Rosenblatt 1969; the choice of b and
h by the likelihood of each row given all others: Hall, Racine & Li 2004). At infinite b it is the
kernel density estimate of the targets alone.
"""

import math
from itertools import product

import torch
from jaxtyping import Float64
from torch import Tensor

from benchmarks.density.whitening import Whitening, standardized
from mdn.data.table import Table

INPUT_BANDWIDTHS = (0.02, 0.03, 0.05, 0.08, 0.12, 0.2, 0.3, 0.5, 0.8, 1.2, 2.0, 3.0, math.inf)
"""Candidates for b, in standard deviations."""

TARGET_BANDWIDTHS = (0.02, 0.03, 0.05, 0.08, 0.12, 0.2, 0.3, 0.45, 0.65, 1.0)
"""Candidates for h."""


def log_density(fit: Table, test: Table) -> Float64[Tensor, " M"]:
    """Return the log density of test rows, in the user's units, with the best bandwidths."""
    whiten = Whitening.of(fit.y)
    x, test_x = standardized(fit.x, test.x)
    z, test_z = whiten(fit.y), whiten(test.y)
    bandwidths = best_bandwidths(_squared_distances(x, x), _squared_distances(z, z), z.shape[-1])
    squares = _squared_distances(test_x, x), _squared_distances(test_z, z)
    return whiten.log_det + kernel_density(*squares, z.shape[-1], *bandwidths)


def best_bandwidths(
    squares_x: Float64[Tensor, "N N"], squares_z: Float64[Tensor, "N N"], num_targets: int
) -> tuple[float, float]:
    """Return the (b, h) of the highest likelihood of each row given all others.

    Args:
        squares_x: squared distances between the inputs of rows.
        squares_z: squared distances between their targets.
        num_targets: D.
    """
    others = squares_x.clone().fill_diagonal_(math.inf)

    def likelihood(bandwidths: tuple[float, float]) -> float:
        return kernel_density(others, squares_z, num_targets, *bandwidths).mean().item()

    return max(product(INPUT_BANDWIDTHS, TARGET_BANDWIDTHS), key=likelihood)


def kernel_density(
    squares_x: Float64[Tensor, "M N"],
    squares_z: Float64[Tensor, "M N"],
    num_targets: int,
    b: float,
    h: float,
) -> Float64[Tensor, " M"]:
    """Return the log density of M rows, from their squared distances to N rows.

    A row at an infinite distance is left out. Both bandwidths and the density are in the units of
    the distances.
    """
    far = squares_x.isinf()
    log_weight = (-squares_x / (2 * b * b)).masked_fill(far, -math.inf).log_softmax(-1)
    log_volume = num_targets * (math.log(h) + 0.5 * math.log(2 * math.pi))
    return (log_weight - squares_z / (2 * h * h)).logsumexp(-1) - log_volume


def _squared_distances(
    a: Float64[Tensor, "M C"], b: Float64[Tensor, "N C"]
) -> Float64[Tensor, "M N"]:
    return torch.cdist(a, b, compute_mode="donot_use_mm_for_euclid_dist").square()

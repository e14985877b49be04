"""A mixture for each of a few rows, and values for them."""

import numpy as np
import torch

from mdn.distributions.mixture import GaussianMixture
from mdn.distributions.scale import DiagonalScale

ROWS = 4


def row(count: int = ROWS) -> GaussianMixture:
    mu = torch.arange(count, dtype=torch.float64)[:, None, None] / 10
    return GaussianMixture(torch.zeros(count, 1).double(), mu, DiagonalScale(1 + 0 * mu, 1))


def two_targets(mixture: GaussianMixture) -> GaussianMixture:
    """The same target twice."""
    pair = torch.cat([mixture.mu, mixture.mu], -1)
    return GaussianMixture(mixture.log_pi, pair, DiagonalScale(torch.ones_like(pair), 2))


POINTS = np.array([0.1, 0.3, 0.4, 0.9])

COLUMN = POINTS[:, None]

"""A model with a known density, for pictures of it."""

import torch
from scipy import stats

from mdn.distributions.mixture import GaussianMixture
from mdn.distributions.scale import DiagonalScale

F64 = torch.float64


def predict(x):
    """Two branches in the first input for the first target; the second target is noise."""
    first = torch.stack([x[:, 0] + 2, -x[:, 0] - 2], -1)
    mu = torch.stack([first, torch.zeros_like(first)], -1)
    log_pi = torch.log(torch.tensor([0.3, 0.7], dtype=F64)).expand(len(x), 2)
    return GaussianMixture(log_pi, mu, DiagonalScale(torch.full((len(x), 2, 2), 0.5, dtype=F64), 2))


def density(place, y):
    """That of the first target, as scipy has it."""
    return 0.3 * stats.norm.pdf(y, place + 2, 0.5) + 0.7 * stats.norm.pdf(y, -place - 2, 0.5)


def rows(count, inputs):
    x = 3 * torch.rand(count, inputs, dtype=F64)
    return x, predict(x).sample()

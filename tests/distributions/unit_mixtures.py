"""Mixtures of unit components at 0, 1, ... for tests of arguments."""

import math

import torch

from mdn.distributions.mixture import GaussianMixture
from mdn.distributions.scale import DiagonalScale


def rows(*batch: int, targets: int = 2, components: int = 2) -> GaussianMixture:
    mu = torch.arange(components, dtype=torch.float64)[:, None].expand(*batch, -1, targets).clone()
    log_pi = torch.full((*batch, components), -math.log(components), dtype=torch.float64)
    return GaussianMixture(log_pi, mu, DiagonalScale(torch.ones_like(mu), targets))


PAIR = rows(4)

ONE = rows(4, targets=1)

SINGLE = rows()

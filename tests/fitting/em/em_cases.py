"""What the tests of EM share: one list of families, rows, and mixtures to start from."""

import math

import pytest
import torch
from sklearn.datasets import load_iris

from mdn.distributions.families import Family, every_family
from mdn.distributions.mixture import GaussianMixture
from mdn.fitting.start import start_at

FLOOR = 1e-6
FAMILIES = every_family(FLOOR, std=0.5)
for_every_family = pytest.mark.parametrize("family", FAMILIES.values(), ids=FAMILIES)
FULL = FAMILIES["full"]
IRIS = torch.from_numpy(load_iris().data)
WEIGHT = (1 + torch.arange(150) % 3).double()


def iris_start(family: Family, y: torch.Tensor = IRIS) -> GaussianMixture:
    return start_at(y[[0, 50, 100]].double(), y, family, None)


def mean_log_likelihood(mixture: GaussianMixture, y: torch.Tensor) -> float:
    return mixture.log_prob(y).mean().item()


def random_mixture(family: Family, components: int = 3, targets: int = 3) -> GaussianMixture:
    raw = torch.randn(*family.raw_shape(components, targets), dtype=torch.float64)
    log_pi = torch.randn(components, dtype=torch.float64).log_softmax(-1)
    mu = torch.randn(components, targets, dtype=torch.float64)
    return GaussianMixture(log_pi, mu, family.scale(raw, targets))


def with_holes(y: torch.Tensor) -> torch.Tensor:
    """Three in ten entries missing, every row with something left."""
    holes = torch.rand(y.shape) < 0.3
    holes[holes.all(-1), 0] = False
    return y.masked_fill(holes, math.nan)

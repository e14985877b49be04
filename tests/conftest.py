"""What all tests share: a seed, a device, and each covariance family in turn."""

import os

# The matrices of tests are small: on one thread they are multiplied sooner. Before torch and NumPy.
os.environ.setdefault("OMP_NUM_THREADS", "1")

from collections.abc import Callable

import pytest
import torch
from family_list import FAMILIES, random_raw

from mdn.families import Family
from mdn.mixture import GaussianMixture

torch.set_num_threads(1)


def pytest_addoption(parser):
    parser.addoption("--device", default="cpu", help="where tests of the numeric core run")


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(0)


@pytest.fixture
def device(request) -> torch.device:
    return torch.device(request.config.getoption("--device"))


@pytest.fixture(params=FAMILIES)
def family_name(request) -> str:
    return request.param


@pytest.fixture
def family(family_name) -> Family:
    return FAMILIES[family_name]


@pytest.fixture
def make_mixture(family) -> Callable[..., GaussianMixture]:
    """A random mixture of the family: `make_mixture(*batch, components=K, targets=D)`."""

    def make(*batch: int, components: int = 3, targets: int = 2) -> GaussianMixture:
        raw = random_raw(family, *batch, components=components, targets=targets)
        log_pi = torch.randn(*batch, components, dtype=torch.float64).log_softmax(-1)
        mu = torch.randn(*batch, components, targets, dtype=torch.float64)
        return GaussianMixture(log_pi, mu, family.scale(raw, targets))

    return make

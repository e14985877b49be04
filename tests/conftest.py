"""What all tests share: a seed, a device, and one list of covariance families.

A new family is one line in `FAMILIES` and one dense formula in `test_families.py`, and inherits
the whole contract.
"""

from collections.abc import Callable

import pytest
import torch

from mdn.families import Constant, Diagonal, Family, Full, Isotropic, SharedIsotropic, Tied
from mdn.mixture import GaussianMixture

FAMILIES = {
    "full-covariance": Full(1e-3, factor="covariance"),
    "full-precision": Full(1e-3, factor="precision"),
    "tied": Tied(1e-3, factor="covariance"),
    "diagonal": Diagonal(1e-3),
    "isotropic": Isotropic(1e-3),
    "shared_isotropic": SharedIsotropic(1e-3),
    "constant": Constant(1e-3, std=0.5),
}


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


def random_raw(family, *batch: int, components: int, targets: int) -> torch.Tensor:
    """Raw numbers of a family from which a well-behaved scale comes."""
    shape = family.raw_shape(components, targets)
    return torch.randn(*batch, *shape, dtype=torch.float64)


@pytest.fixture
def make_mixture(family) -> Callable[..., GaussianMixture]:
    """A random mixture of the family: `make_mixture(*batch, components=K, targets=D)`."""

    def make(*batch: int, components: int = 3, targets: int = 2) -> GaussianMixture:
        raw = random_raw(family, *batch, components=components, targets=targets)
        log_pi = torch.randn(*batch, components, dtype=torch.float64).log_softmax(-1)
        mu = torch.randn(*batch, components, targets, dtype=torch.float64)
        return GaussianMixture(log_pi, mu, family.scale(raw, targets))

    return make

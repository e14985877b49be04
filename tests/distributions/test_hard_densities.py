"""Log densities of nearly singular factors, against eighty digits."""

import pytest
import torch
from mpmath import mp, mpf

from mdn.distributions.mixture import GaussianMixture
from mdn.distributions.scale import CovarianceFactor, PrecisionFactor, TriangularScale

POINTS = [(0.0, 0.0), (1.0, 1.0), (0.3, -0.2), (-2.0, -1.5), (7.0, 7.5), (100.0, 3.0)]


def terms(y: tuple[float, float], eps: float) -> list[mpf]:
    """What log N(y; 0, A A') is the sum of, with A = [[1, 0], [1, eps]]."""
    first, second = mpf(y[0]), (mpf(y[1]) - mpf(y[0])) / mpf(eps)
    return [-mp.log(2 * mp.pi), -mp.log(mpf(eps)), -(first**2) / 2, -(second**2) / 2]


def mixture_of(kind: type[TriangularScale], eps: float) -> GaussianMixture:
    """For this A both factors store the same numbers: L and B have a 1 below the diagonal."""
    diagonal = torch.tensor([[1.0, eps]], dtype=torch.float64)
    zero, one = torch.zeros(1, 2, dtype=torch.float64), torch.ones(1, 1, dtype=torch.float64)
    return GaussianMixture(zero[0, :1], zero, kind(diagonal, one))


@pytest.mark.parametrize("eps", [1.0, 1e-3, 1e-6, 1e-9, 1e-12])
@pytest.mark.parametrize("kind", [CovarianceFactor, PrecisionFactor])
def test_density_of_a_nearly_singular_factor(kind, eps):
    found = mixture_of(kind, eps).log_prob(torch.tensor(POINTS, dtype=torch.float64))
    for y, value in zip(POINTS, found.tolist(), strict=True):
        with mp.workdps(80):
            exact = sum(terms(y, eps))
            assert abs(mpf(value) - exact) <= 2.3e-16 * abs(exact), y

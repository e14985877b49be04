"""Long residuals under tiny scales, against the same computation in mpmath."""

import pytest
import torch
from mpmath import matrix, mp, mpf

from mdn.distributions.mixture import GaussianMixture
from mdn.distributions.scale import CovarianceFactor, DiagonalScale, PrecisionFactor, Scale

LENGTHS = [1.0, 1e8, 1e15, 1e30]


def scales(size: float) -> dict[str, Scale]:
    diagonal, lower = torch.tensor([[size, size * 2, size]]), torch.tensor([[0.5, -2.0, 1.5]])
    return {
        "diagonal": DiagonalScale(diagonal, 3),
        "shared": DiagonalScale(diagonal[:, :1], 3),
        "covariance factor": CovarianceFactor(diagonal, lower * size),
        "precision factor": PrecisionFactor(diagonal, lower),
    }


def exact(scale: Scale, residual: torch.Tensor) -> list[float]:
    with mp.workdps(40):
        tril = matrix(scale.map(torch.Tensor.double).tril()[0].tolist())
        return [float(v) for v in mp.lu_solve(tril, matrix([mpf(v) for v in residual.tolist()]))]


@pytest.mark.parametrize("length", LENGTHS)
@pytest.mark.parametrize("size", [1e-20, 1e-12, 1e-6, 1.0, 1e6])
@pytest.mark.parametrize("name", ["diagonal", "shared", "covariance factor", "precision factor"])
def test_right_up_to_the_largest_number(name, size, length):
    scale = scales(size)[name]
    residual = length * torch.tensor([[1.0, -0.3, 0.2]])
    largest = torch.finfo(torch.float32).max
    expected = torch.tensor(exact(scale, residual[0])).clamp(-largest, largest)
    torch.testing.assert_close(scale.whiten_far(residual)[0], expected, rtol=1e-5, atol=0)


@pytest.mark.parametrize("name", ["covariance factor", "precision factor"])
@pytest.mark.parametrize("size", [1e-20, 1e-12, 1.0])
@pytest.mark.parametrize("length", LENGTHS)
def test_the_mean_given_a_far_value(name, size, length):
    mixture = GaussianMixture(torch.zeros(1), torch.zeros(1, 3), scales(size)[name])
    wide = mixture.to(dtype=torch.float64)
    found = mixture.condition([0, 1], [[length, -0.3 * length]]).mean
    expected = wide.condition([0, 1], [[length, -0.3 * length]]).mean
    torch.testing.assert_close(found.double(), expected, rtol=1e-5, atol=0)


def test_a_regression_of_slope_one_follows_its_value():
    scale = CovarianceFactor(torch.full((1, 2), 1e-12), torch.tensor([[1e-12]]))
    mixture = GaussianMixture(torch.zeros(1), torch.zeros(1, 2), scale)
    given = torch.tensor([[1e8]])
    torch.testing.assert_close(mixture.condition([0], given).mean, given, rtol=1e-6, atol=0)

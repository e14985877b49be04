import pytest
import torch
from mpmath import mp, mpf
from scipy.special import log_ndtr
from scipy.stats import norm

from mdn import normal

Z = torch.linspace(-37, 8, 91, dtype=torch.float64)


def test_cdf_and_density_agree_with_scipy_far_into_the_tail():
    torch.testing.assert_close(normal.cdf(Z).log(), torch.tensor(log_ndtr(Z.numpy())))
    torch.testing.assert_close(normal.density(Z), torch.tensor(norm.pdf(Z.numpy())))


def test_single_precision_keeps_its_digits_in_the_tail():
    z = torch.linspace(-12, 0, 13)
    expected = torch.tensor(log_ndtr(z.double().numpy()))
    torch.testing.assert_close(normal.cdf(z).log().double(), expected, rtol=1e-5, atol=1e-6)


def exact_log_mass(centre, half):
    with mp.workdps(400):
        low, high = (mpf(centre) + side * mpf(half) for side in (-1, 1))
        return float(mp.log(mp.ncdf(high) - mp.ncdf(low)))


@pytest.mark.parametrize("half", [1e-12, 1e-6, 1e-3, 0.0299, 0.0301, 0.5, 3.0])
@pytest.mark.parametrize("centre", [-30.0, -6.0, -1.0, 0.0, 0.3, 8.0])
def test_log_mass_of_a_cell(centre, half):
    got = normal.log_mass(*(torch.tensor(v, dtype=torch.float64) for v in (centre, half)))
    assert got.item() == pytest.approx(exact_log_mass(centre, half), abs=1e-8)


def test_log_mass_has_finite_gradients_on_both_sides_of_its_switch():
    centre = torch.tensor([0.1, 5.0, -30.0, 0.0], dtype=torch.float64, requires_grad=True)
    half = torch.tensor([1e-3, 1e-6, 2.0, 1.0], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(normal.log_mass, (centre, half), eps=1e-8, atol=1e-3)

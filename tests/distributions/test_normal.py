import pytest
import torch
from mpmath import mp, mpf
from scipy.special import log_ndtr
from scipy.stats import norm

from mdn.distributions import normal

Z = torch.linspace(-37, 8, 91, dtype=torch.float64)


def test_cdf_and_density_agree_with_scipy_far_into_the_tail():
    torch.testing.assert_close(normal.cdf(Z).log(), torch.tensor(log_ndtr(Z.numpy())))
    torch.testing.assert_close(normal.density(Z), torch.tensor(norm.pdf(Z.numpy())))


def test_single_precision_keeps_its_digits_in_the_tail():
    z = torch.linspace(-12, 0, 13)
    expected = torch.tensor(log_ndtr(z.double().numpy()))
    torch.testing.assert_close(normal.cdf(z).log().double(), expected, rtol=1e-5, atol=1e-6)


def exact_log_mass(center, half):
    with mp.workdps(400):
        low, high = (mpf(center) + side * mpf(half) for side in (-1, 1))
        return float(mp.log(mp.ncdf(high) - mp.ncdf(low)))


@pytest.mark.parametrize("half", [1e-12, 1e-6, 1e-3, 0.0299, 0.0301, 0.5, 3.0])
@pytest.mark.parametrize("center", [-30.0, -6.0, -1.0, 0.0, 0.3, 8.0])
def test_log_mass_of_a_cell(center, half):
    got = normal.log_mass(*(torch.tensor(v, dtype=torch.float64) for v in (center, half)))
    assert got.item() == pytest.approx(exact_log_mass(center, half), abs=1e-8)


def test_log_mass_has_finite_gradients_on_both_sides_of_its_switch():
    center = torch.tensor([0.1, 5.0, -30.0, 0.0], dtype=torch.float64, requires_grad=True)
    half = torch.tensor([1e-3, 1e-6, 2.0, 1.0], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(normal.log_mass, (center, half), eps=1e-8, atol=1e-3)


@pytest.mark.parametrize(("center", "half"), [(1e8, 1.0), (1e15, 0.5), (-1e17, 3.0), (40.0, 1e-3)])
def test_log_mass_far_out(center, half):
    """By the tail above the nearer edge, a: phi(a) / a (1 - 1/a^2 ...), less that of the other."""
    got = normal.log_mass(*(torch.tensor(v, dtype=torch.float64) for v in (center, half)))
    with mp.workdps(60):
        near, far = (abs(mpf(center)) + side * mpf(half) for side in (-1, 1))

        def log_tail(a):
            return -a * a / 2 - mp.log(2 * mp.pi) / 2 - mp.log(a) + mp.log1p(-1 / a**2 + 3 / a**4)

        gap = log_tail(far) - log_tail(near)
        exact = float(log_tail(near) + (mp.log(-mp.expm1(gap)) if gap > -1e6 else 0))
    assert got.item() == pytest.approx(exact, rel=1e-9)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_everything_is_finite_however_far(dtype):
    far = torch.tensor([torch.finfo(dtype).max, torch.finfo(dtype).max ** 0.7, 1e20], dtype=dtype)
    z = torch.cat([far, -far]).requires_grad_()
    values = [normal.log_density(z), normal.log_cdf(z), normal.log_mass(z, torch.ones_like(z))]
    assert all(value.isfinite().all() for value in values)
    for value in values:
        (slope,) = torch.autograd.grad(value.sum(), z, retain_graph=True)
        assert slope.isfinite().all()
    single = torch.tensor([-1e15], dtype=dtype)
    expected = torch.tensor(log_ndtr(single.double().numpy()))
    torch.testing.assert_close(normal.log_cdf(single).double(), expected, rtol=1e-5, atol=0)

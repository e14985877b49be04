"""Maps, their inverses and slopes, and moments that are integrals."""

import math

import numpy as np
import pytest
import torch
from scipy import integrate, special, stats
from transformed_mixtures import F64, ONE_TARGET

from mdn.distributions.transformed.log_scales import LogitTransform, LogTransform
from mdn.distributions.transformed.logit_integrals import lower_area, moments
from mdn.distributions.transformed.transforms import Identity

ALL = {**ONE_TARGET, "identity": Identity()}
each = pytest.mark.parametrize("transform", ALL.values(), ids=ALL)


@each
def test_forward_inverse_and_slope_fit_together(transform):
    z = torch.linspace(-3, 3, 9, dtype=F64).requires_grad_()
    y = transform.inverse(z)
    torch.testing.assert_close(transform.forward(y), z)
    (slope,) = torch.autograd.grad(y.sum(), z)
    torch.testing.assert_close(transform.log_slope(y), -slope.log())
    tilted = sum(math.exp(c) * (a * z).exp() for a, c in transform.tilts)
    torch.testing.assert_close(tilted, 1 / slope)


@each
def test_changes_and_slopes_of_means_are_derivatives(transform):
    mu, sigma = torch.tensor([0.4, -2.0], dtype=F64), torch.tensor([0.3, 1.7], dtype=F64)
    step = torch.full_like(mu, 1e-5)
    after, before = (transform.moments(mu + s, sigma)[0] for s in (step, -step))
    torch.testing.assert_close(transform.mean_slope(mu, sigma), (after - before) / 2e-5)
    change = transform.moments(mu + 0.7, sigma)[0] - transform.moments(mu, sigma)[0]
    torch.testing.assert_close(transform.mean_change(mu, sigma, torch.full_like(mu, 0.7)), change)


@pytest.mark.parametrize("sigma", [1e-9, 0.01, 0.5, 0.999, 1.0, 3.0, 12.0, 80.0])
@pytest.mark.parametrize("mu", [-30.0, -4.0, 0.0, 0.3, 12.0])
def test_logit_normal_moments_are_integrals(mu, sigma):
    t = np.linspace(-12, 12, 200_001)
    share, value = stats.norm.pdf(t) * (t[1] - t[0]), special.expit(mu + sigma * t)
    expected = share @ value
    mean, std, slope = moments(*torch.tensor([mu, sigma], dtype=F64)[:, None])
    assert mean.item() == pytest.approx(expected, rel=1e-10, abs=1e-15)
    spread = (share @ (value - expected) ** 2) ** 0.5
    assert std.item() == pytest.approx(spread, rel=1e-6, abs=1e-8)
    assert slope.item() == pytest.approx(share @ (value * (1 - value)), rel=1e-8, abs=1e-15)


@pytest.mark.parametrize("sigma", [0.02, 1.0, 30.0])
@pytest.mark.parametrize("components", [1, 40])
def test_areas_are_integrals_whether_few_or_many_are_narrow(sigma, components):
    mu = torch.linspace(-2, 3, components, dtype=F64)
    pi = torch.full_like(mu, 1 / components)
    width = torch.full_like(mu, sigma)
    end = torch.tensor([-1.0, 0.5, 4.0], dtype=F64)
    z = torch.linspace(-60, 4, 2_000_001, dtype=F64)
    below = sum(0.5 * torch.erfc((m - z) / sigma / 2**0.5) for m in mu) / components
    value = below**2 * z.sigmoid() * (-z).sigmoid()
    running = integrate.cumulative_simpson(value.numpy(), x=z.numpy(), initial=0)
    expected = np.interp(end.numpy(), z.numpy(), running)
    found = lower_area(*(v.expand(3, -1) for v in (pi, mu, width)), end, power=2)
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: LogTransform(math.nan), "low must be a finite number"),
        (lambda: LogTransform(-math.inf), "low must be a finite number"),
        (lambda: LogitTransform(0.0, math.inf), "high must be a finite number"),
        (lambda: LogitTransform(2.0, 2.0), "high must lie above low"),
        (lambda: LogitTransform(-1.7e308, 1.7e308), "high must lie above low"),
    ],
)
def test_ends_out_of_range_are_refused(make, said):
    with pytest.raises(ValueError, match=said):
        make()


@pytest.mark.parametrize(
    ("transform", "label"),
    [
        (Identity(), "price"),
        (LogTransform(), "log(price)"),
        (LogTransform(-1.0), "log(price + 1)"),
        (LogTransform(2.5), "log(price - 2.5)"),
        (LogitTransform(), "logit(price)"),
        (LogitTransform(0, 100), "logit(price from 0 to 100)"),
    ],
)
def test_a_label_says_the_scale(transform, label):
    assert transform.label("price") == label

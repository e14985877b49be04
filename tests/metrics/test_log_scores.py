"""Against scipy, sums over grids, and the closed form of a Gaussian."""

import math
from typing import Any

import numpy as np
import pytest
import torch
from scipy.integrate import quad
from scipy.stats import multivariate_normal, norm

from mdn import metrics
from mdn.distributions.mixture import GaussianMixture
from mdn.distributions.scale import DiagonalScale


def standard_normal(std=1.0) -> GaussianMixture:
    zero = torch.zeros(1, 1, dtype=torch.float64)
    return GaussianMixture(zero[0], zero, DiagonalScale(zero + std, 1))


def test_nll_has_its_constant_and_its_units():
    zero = torch.zeros(1, dtype=torch.float64)
    assert metrics.nll(standard_normal(), zero).item() == pytest.approx(0.5 * math.log(2 * math.pi))
    assert metrics.nll_bits(standard_normal(), zero).item() == pytest.approx(1.3257480647)


def test_nll_of_each_target_is_that_of_its_marginal(make_mixture):
    mixture = make_mixture(5, targets=3)
    y = 2 * torch.randn(5, 3, dtype=torch.float64)
    each = metrics.target_nll(mixture, y)
    for d in range(3):
        alone = metrics.nll(mixture.marginal([d]), y[:, d : d + 1])
        torch.testing.assert_close(each[:, d], alone)


def test_gain_over_the_marginal_gaussian(make_mixture):
    y = torch.randn(200, 3, dtype=torch.float64) @ torch.randn(3, 3, dtype=torch.float64) + 5
    reference = metrics.marginal_gaussian(y)
    rows = y.numpy()
    covariance: Any = np.cov(rows.T, bias=True)
    dense = multivariate_normal(rows.mean(0), covariance).logpdf(rows)
    torch.testing.assert_close(reference.log_prob(y), torch.tensor(dense))
    mixture = make_mixture(200, targets=3)
    gain = metrics.gain(mixture, y, reference)
    torch.testing.assert_close(gain, mixture.log_prob(y) - torch.tensor(dense))


def test_marginal_gaussian_of_targets_that_never_change():
    reference = metrics.marginal_gaussian(torch.full((10, 2), 3.0))
    assert reference.log_prob(torch.tensor([[3.0, 3.0]])).isfinite().all()


def grid_around(mixture, step, reach):
    points = torch.arange(-reach, reach + 1, dtype=torch.float64)
    return torch.cartesian_prod(*[points] * mixture.num_targets).view(-1, len(step)) * step


@pytest.mark.parametrize("targets", [1, 2])
def test_cells_of_a_grid_sum_to_one(make_mixture, targets):
    """Every mixture is a distribution over the grid: the score cannot be gamed by spikes."""
    mixture = make_mixture(components=3, targets=targets)
    step = torch.tensor([0.5, 0.8], dtype=torch.float64)[:targets]
    y = grid_around(mixture, step, 150)
    share = torch.exp(-metrics.grid_nll(mixture, y, step)) * step.prod()
    assert share.sum().item() == pytest.approx(1.0, abs=1e-6)


def test_grid_nll_of_one_target_is_a_difference_of_probabilities(make_mixture):
    mixture = make_mixture(4, components=3, targets=1)
    y = torch.randn(4, 1, dtype=torch.float64)
    got = metrics.grid_nll(mixture, y, torch.tensor([0.3], dtype=torch.float64))
    for row in range(4):
        mu, sigma = mixture.mu[row, :, 0].numpy(), mixture.sigma[row, :, 0].numpy()
        high, low = (norm.cdf((y[row].item() + side - mu) / sigma) for side in (0.15, -0.15))
        expected = -np.log(mixture.pi[row].numpy() @ (high - low) / 0.3)
        assert got[row].item() == pytest.approx(expected, rel=1e-9)


def test_grid_nll_of_two_targets_is_a_cell_and_then_a_cell_given_the_first(make_mixture):
    mixture = make_mixture(3, components=3, targets=2)
    y, step = torch.randn(3, 2, dtype=torch.float64), torch.tensor([0.4, 0.7], dtype=torch.float64)
    got = metrics.grid_nll(mixture, y, step)
    for row in range(3):
        share = sum(
            pi * cell(y[row], step, mu, covariance)
            for pi, mu, covariance in zip(*dense(mixture, row), strict=True)
        )
        assert got[row].item() == pytest.approx(-np.log(share / 0.28), rel=1e-6)


def dense(mixture, row):
    covariance = mixture.scale.covariance().expand(*mixture.mu.shape, 2)
    return tuple(v[row].numpy() for v in (mixture.pi, mixture.mu, covariance))


def cell(y, step, mu, covariance):
    """By quadrature, and by the textbook's conditional mean and variance."""
    slope = covariance[1, 0] / covariance[0, 0]
    given = mu[1] + slope * (y[0].item() - mu[0])
    rest = covariance[1, 1] - slope * covariance[0, 1]
    pairs = [(mu[0], covariance[0, 0]), (given, rest)]
    sides = zip(y.tolist(), step.tolist(), pairs, strict=True)
    return np.prod([mass(v - h / 2, v + h / 2, m, np.sqrt(s2)) for v, h, (m, s2) in sides])


def mass(low, high, mean, std):
    kinks = [p for p in (mean - 5 * std, mean, mean + 5 * std) if low < p < high]
    return quad(lambda v: norm.pdf(v, mean, std), low, high, points=kinks or None)[0]


def test_a_target_that_was_not_rounded_counts_by_its_density(make_mixture):
    """Cells of the one summed and the density of the other integrated, in either order: one."""
    mixture = make_mixture(components=3, targets=2)
    fine, wide = torch.arange(-1200, 1201) * 0.02, torch.arange(-48, 49) * 0.5
    for step, axes in (([0.5, 0.0], (wide, fine)), ([0.0, 0.5], (fine, wide))):
        y = torch.cartesian_prod(*axes).double()
        share = torch.exp(-metrics.grid_nll(mixture, y, torch.tensor(step).double()))
        assert share.sum().item() * 0.5 * 0.02 == pytest.approx(1.0, abs=2e-3)
    y, none = torch.randn(4, 2, dtype=torch.float64), torch.zeros(2, dtype=torch.float64)
    torch.testing.assert_close(metrics.grid_nll(mixture, y, none), metrics.nll(mixture, y))


def test_spikes_gain_no_more_than_the_grid_allows():
    step = torch.tensor([1.0], dtype=torch.float64)
    zero = torch.zeros(1, dtype=torch.float64)
    spike = standard_normal(std=1e-6)
    assert metrics.nll(spike, zero) < -10
    assert metrics.grid_nll(spike, zero, step).item() == pytest.approx(0.0, abs=1e-12)
    wide = standard_normal(std=100.0)
    difference = metrics.grid_nll(wide, zero, step) - metrics.nll(wide, zero)
    assert difference.abs().item() < 1e-5


def test_grid_nll_is_finite_far_away_in_single_precision():
    mixture = standard_normal(std=0.01).to(dtype=torch.float32)
    far = torch.tensor([[1e3], [-1e3]])
    assert metrics.grid_nll(mixture, far, torch.tensor([1.0])).isfinite().all()


@pytest.mark.parametrize("offset", [0.0, 1.7e9])
@pytest.mark.parametrize("narrow", [1e-3, 1e-10])
def test_reference_of_strongly_correlated_rows(narrow, offset):
    """Of two columns, uncorrelated and of length one, the factor is what they are multiplied by."""
    columns = torch.tensor([[1.0, 1], [1, -1], [-1, 1], [-1, -1]], dtype=torch.float64)
    tril = torch.tensor([[2.0, 0.0], [2.0, narrow]], dtype=torch.float64)
    reference = metrics.marginal_gaussian(columns @ tril.mT + offset, 1e-14)
    expected = tril if offset == 0 else tril.clamp(min=0)
    atol = 1e-15 if offset == 0 else 5e-7
    torch.testing.assert_close(reference.scale.tril()[0], expected, rtol=1e-5, atol=atol)
    assert (reference.mu == offset).all()

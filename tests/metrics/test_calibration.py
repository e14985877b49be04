"""Against scipy, brute-force conditionals, and what must hold for rows drawn from the model."""

import numpy as np
import pytest
import torch
from scipy.stats import chi2, kstest, norm, wasserstein_distance

from mdn import metrics
from mdn.distributions.mixture import GaussianMixture
from mdn.distributions.scale import CovarianceFactor, DiagonalScale

ROWS = 4000
CHANCE = 1.95 / ROWS**0.5
"""What one Kolmogorov-Smirnov distance in a thousand exceeds by chance."""


@pytest.fixture(params=[1, 2, 4])
def drawn(request, make_mixture):
    """Mixtures and one row drawn from each."""
    mixture = make_mixture(ROWS, components=3, targets=request.param)
    return mixture, mixture.sample()


def test_all_transforms_are_uniform_for_rows_from_the_model(drawn):
    mixture, y = drawn
    assert (metrics.ks_distance(metrics.pit(mixture, y)) < CHANCE).all()
    assert (metrics.ks_distance(metrics.rosenblatt(mixture, y)) < CHANCE).all()
    rank = metrics.density_rank(mixture, y, num_samples=200)
    assert metrics.ks_distance(rank) < CHANCE + 0.005
    for level in metrics.LEVELS:
        near = 4 * (level * (1 - level) / ROWS) ** 0.5
        covered = metrics.central_coverage(metrics.pit(mixture, y), level)
        assert ((covered - level).abs() < near).all()
        assert abs(metrics.region_coverage(rank, level) - level) < near + 0.005


def test_rosenblatt_is_the_chain_of_conditionals(make_mixture):
    mixture = make_mixture(5, components=3, targets=4)
    y = torch.randn(5, 4, dtype=torch.float64)
    got = metrics.rosenblatt(mixture, y)
    torch.testing.assert_close(got[:, :1], mixture.marginal([0]).cdf(y[:, :1]))
    for j in range(1, 4):
        before = list(range(j))
        conditional = mixture.marginal([*before, j]).condition(before, y[:, :j])
        torch.testing.assert_close(got[:, j : j + 1], conditional.cdf(y[:, j : j + 1]))


def test_rosenblatt_sees_a_wrong_correlation_that_the_marginals_hide():
    right = torch.tensor([[[1.0, 0.0], [0.8, 0.6]]], dtype=torch.float64)
    zero = torch.zeros(1, dtype=torch.float64), torch.zeros(1, 2, dtype=torch.float64)
    y = GaussianMixture(*zero, CovarianceFactor.from_tril(right)).sample([ROWS])
    wrong = GaussianMixture(*zero, DiagonalScale(torch.ones(1, 1, dtype=torch.float64), 2))
    assert (metrics.ks_distance(metrics.pit(wrong, y)) < CHANCE).all()
    by_chain = metrics.rosenblatt(wrong, y)
    correlation = torch.corrcoef(by_chain.T)[0, 1]
    assert correlation > 0.5
    assert metrics.ks_distance(metrics.density_rank(wrong, y)) > CHANCE


def test_density_rank_of_a_gaussian_is_chi_square(make_mixture):
    mixture = make_mixture(50, components=1, targets=3)
    y = mixture.sample()
    rank = metrics.density_rank(mixture, y, num_samples=4000)
    distance = 2 * (mixture.log_prob(mixture.mean) - mixture.log_prob(y))
    expected = torch.tensor(chi2(3).cdf(distance.numpy()))
    torch.testing.assert_close(rank, expected, rtol=0, atol=0.04)


def test_density_rank_of_many_rows_under_one_mixture(make_mixture):
    mixture = make_mixture(targets=2)
    y = mixture.sample([ROWS])
    assert metrics.ks_distance(metrics.density_rank(mixture, y, 4000)) < CHANCE + 0.03


def test_widths_are_differences_of_quantiles(make_mixture):
    mixture = make_mixture(4, targets=2)
    lower, upper = mixture.quantile([0.1, 0.9])
    torch.testing.assert_close(metrics.interval_width(mixture, 0.8), upper - lower)


@pytest.mark.parametrize("targets", [1, 2, 3])
def test_size_of_the_region_of_a_gaussian_is_that_of_an_ellipsoid(make_mixture, targets):
    mixture = make_mixture(3, components=1, targets=targets)
    size = metrics.region_size(mixture, 0.8, num_samples=20_000)
    unit_ball = {1: 2.0, 2: np.pi, 3: 4 / 3 * np.pi}[targets]
    radius = chi2(targets).ppf(0.8) ** 0.5
    expected = unit_ball * radius**targets * mixture.scale.log_det().exp().reshape(-1)
    torch.testing.assert_close(size, expected.expand(3), rtol=0.04, atol=0)


def test_size_of_the_region_of_one_target_is_the_length_of_its_intervals(make_mixture):
    mixture = make_mixture(3, components=3, targets=1)
    region = mixture.highest_density_region(0.9)
    length = (region.upper - region.lower).nansum(-1)
    size = metrics.region_size(mixture, 0.9, num_samples=20_000)
    torch.testing.assert_close(size, length, rtol=0.05, atol=0)


def test_sharpness_is_the_expected_rmse_of_the_mean(drawn):
    mixture, y = drawn
    error = metrics.squared_error(mixture, y, "mean").mean(0).sqrt()
    torch.testing.assert_close(metrics.sharpness(mixture), error, rtol=0.1, atol=0)


def test_a_weight_covers_a_row_as_often():
    transforms = torch.rand(40, 2, dtype=torch.float64)
    times = torch.arange(40) % 3
    found = metrics.central_coverage(transforms, 0.6, times.double())
    expected = metrics.central_coverage(transforms.repeat_interleave(times, 0), 0.6)
    torch.testing.assert_close(found, expected)
    for weight in ([1.0], [-1.0] * 40, [0.0] * 40):
        with pytest.raises(ValueError, match="one number of at least 0 for each of 40 rows"):
            metrics.central_coverage(transforms, 0.6, weight)


def test_histogram_is_numpys():
    transforms = torch.rand(1000, 3, dtype=torch.float64) ** 2
    transforms[0] = 1.0
    got = metrics.histogram(transforms, bins=7)
    for column in range(3):
        expected, _ = np.histogram(transforms[:, column], bins=7, range=(0, 1), density=True)
        np.testing.assert_allclose(got[:, column], expected)


@pytest.mark.parametrize("shape", [(), (2,)])
def test_distances_from_uniform(shape):
    transforms = torch.rand(300, *shape, dtype=torch.float64) ** 1.3
    fine = (np.arange(300_000) + 0.5) / 300_000
    ks, area = metrics.ks_distance(transforms), metrics.calibration_error(transforms)
    assert ks.shape == area.shape == shape
    columns = transforms.reshape(300, -1).T.numpy()
    for column, distance, error in zip(columns, ks.reshape(-1), area.reshape(-1), strict=True):
        assert distance.item() == pytest.approx(kstest(column, "uniform").statistic)
        assert error.item() == pytest.approx(wasserstein_distance(column, fine), abs=1e-6)


def test_far_tails_are_not_rounded_away():
    zero = torch.zeros(1, 1, dtype=torch.float64)
    mixture = GaussianMixture(zero[0], zero, DiagonalScale(zero + 1, 1))
    y = torch.tensor([[-20.0]], dtype=torch.float64)
    expected = torch.tensor([[norm.cdf(-20.0)]], dtype=torch.float64)
    for transform in (metrics.pit, metrics.rosenblatt):
        torch.testing.assert_close(transform(mixture, y), expected, rtol=1e-9, atol=0)

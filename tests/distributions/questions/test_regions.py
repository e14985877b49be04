"""Against the smallest set of cells of a fine grid, and chi-square for a single Gaussian."""

import numpy as np
import pytest
import torch
from scipy.stats import chi2

from mdn.distributions.mixture import GaussianMixture
from mdn.distributions.scale import DiagonalScale


def rough_mixture(rows, spread, dtype=torch.float64):
    log_pi = (2 * torch.randn(rows, 5, dtype=torch.float64)).log_softmax(-1)
    mu = spread * torch.randn(rows, 5, 1, dtype=torch.float64)
    std = torch.exp(0.7 * torch.randn(rows, 5, 1, dtype=torch.float64))
    return GaussianMixture(log_pi, mu, DiagonalScale(std, 1)).to(dtype=dtype)


def mass_inside(mixture, region):
    below = (mixture.cdf(end.T[..., None]).squeeze(-1).T for end in (region.lower, region.upper))
    lower, upper = below
    return (upper - lower).nansum(-1)


@pytest.mark.parametrize("level", [0.02, 0.5, 0.9, 0.999])
@pytest.mark.parametrize("spread", [0.5, 3.0, 40.0])
@pytest.mark.parametrize(("dtype", "precision"), [(torch.float64, 1e-9), (torch.float32, 3e-5)])
def test_region_holds_its_level_and_ends_at_one_height(level, spread, dtype, precision):
    mixture = rough_mixture(20, spread, dtype)
    region = mixture.highest_density_region(level)
    assert region.lower.dtype == dtype
    mass = mass_inside(mixture, region)
    torch.testing.assert_close(mass, torch.full_like(mass, level), rtol=0, atol=precision)
    for end in (region.lower, region.upper):
        height = mixture.to(dtype=torch.float64).log_prob(end.double().T[..., None]).T
        off = (height - region.log_threshold[:, None]).abs().nan_to_num()
        # What the rounding of an end alone costs in height.
        assert off.max() < precision * (1 + 100 * spread)


@pytest.mark.parametrize("level", [0.3, 0.8, 0.95])
def test_region_is_the_smallest_set_of_cells_of_a_grid(level):
    mixture = rough_mixture(10, 3.0)
    region = mixture.highest_density_region(level)
    grid = torch.linspace(-40, 40, 80_001, dtype=torch.float64)
    for row in range(10):
        density = mixture[row].log_prob(grid[:, None]).exp().numpy() * 1e-3
        ranked = np.sort(density)[::-1]
        cells = np.searchsorted(ranked.cumsum(), level)
        inside = density >= ranked[cells]
        edges = np.flatnonzero(np.diff(inside))
        ends = torch.stack([region.lower[row], region.upper[row]], -1)
        ends = ends[ends.isfinite().all(-1)].flatten()
        assert len(ends) == len(edges)
        np.testing.assert_allclose(ends, grid[edges], atol=3e-3)


@pytest.mark.parametrize("level", [0.1, 0.9])
def test_region_of_a_pool_is_the_smallest_set_of_cells_of_a_grid(level):
    members = [rough_mixture(6, 3.0) for _ in range(12)]
    mixture = members[0].merge(members[1:])
    region = mixture.highest_density_region(level)
    assert region.lower.shape == (6, 60)
    mass = mass_inside(mixture, region)
    torch.testing.assert_close(mass, torch.full_like(mass, level), rtol=0, atol=1e-9)
    grid = torch.linspace(-60, 60, 120_001, dtype=torch.float64)
    for row in range(6):
        density = mixture[row].log_prob(grid[:, None]).exp().numpy() * 1e-3
        ranked = np.sort(density)[::-1]
        inside = density >= ranked[np.searchsorted(ranked.cumsum(), level)]
        ends = torch.stack([region.lower[row], region.upper[row]], -1)
        ends = ends[ends.isfinite().all(-1)].flatten()
        np.testing.assert_allclose(ends, grid[np.flatnonzero(np.diff(inside))], atol=3e-3)


def test_a_spike_in_a_far_tail_is_an_interval_of_its_own():
    """Ends a millionth of their distance apart, and one found across 40 standard deviations."""
    mu = torch.tensor([[0.0], [1e3]], dtype=torch.float64)
    std = torch.tensor([[1.0], [1e-3]], dtype=torch.float64)
    log_pi = torch.tensor([0.8, 0.2], dtype=torch.float64).log()
    mixture = GaussianMixture(log_pi, mu, DiagonalScale(std, 1)).expand(1)
    region = mixture.highest_density_region(0.9)
    mass = mass_inside(mixture, region)
    torch.testing.assert_close(mass, torch.full_like(mass, 0.9), rtol=0, atol=1e-9)
    # Both ends of an interval are as far from its mean, and all four are as high.
    torch.testing.assert_close(region.lower[0] + region.upper[0], 2 * mu.squeeze(-1))
    standard = (region.upper[0] - mu.squeeze(-1)) / std.squeeze(-1)
    height = log_pi - standard.square() / 2 - std.squeeze(-1).log()
    torch.testing.assert_close(height[0], height[1])


def test_two_branches_make_two_intervals_that_avoid_the_valley():
    mu = torch.tensor([[-3.0], [3.0]], dtype=torch.float64)
    log_pi = torch.zeros(2, dtype=torch.float64).log_softmax(-1)
    mixture = GaussianMixture(log_pi, mu, DiagonalScale(torch.ones_like(mu), 1))
    region = mixture.highest_density_region(0.9)
    assert region.lower.shape == (2,)
    assert -3 < region.upper[0] < 0 < region.lower[1] < 3
    # Almost two separate intervals of 90 % each.
    torch.testing.assert_close(
        region.upper[1], torch.tensor(4.645, dtype=torch.float64), atol=0.01, rtol=0
    )


@pytest.mark.parametrize("targets", [1, 2, 4])
def test_threshold_of_one_gaussian_is_chi_square(family, make_mixture, targets):
    mixture = make_mixture(2, components=1, targets=targets)
    threshold = mixture.density_threshold(0.8, num_samples=20_000)
    peak = mixture.log_prob(mixture.mean)
    expected = peak - chi2(targets).ppf(0.8) / 2
    torch.testing.assert_close(threshold, expected, rtol=0, atol=0.06)


def test_threshold_by_samples_agrees_with_the_exact_one():
    mixture = rough_mixture(3, 3.0)
    exact = mixture.highest_density_region(0.7).log_threshold
    threshold = mixture.density_threshold(0.7, num_samples=20_000)
    y = mixture.sample([20_000])
    share = (mixture.log_prob(y) >= threshold).double().mean(0)
    torch.testing.assert_close(share, torch.full_like(share, 0.7), rtol=0, atol=0.02)
    torch.testing.assert_close(threshold, exact, rtol=0, atol=0.1)


def test_samples_are_scored_in_parts_that_follow_one_generator(monkeypatch):
    monkeypatch.setattr("mdn.distributions.questions.ragged._NUMBERS_AT_ONCE", 100)
    monkeypatch.setattr("mdn.distributions.abstract._NUMBERS_AT_ONCE", 100)
    mixture = rough_mixture(4, 3.0)
    scores = mixture.sample_log_prob(17, torch.Generator().manual_seed(1))
    again = mixture.sample_log_prob(17, torch.Generator().manual_seed(1))
    assert scores.shape == (17, 4)
    torch.testing.assert_close(scores, again, rtol=0, atol=0)
    assert len(scores.unique()) == 68
    halves = mixture.highest_density_region(0.5)
    monkeypatch.undo()
    torch.testing.assert_close(
        halves.lower, mixture.highest_density_region(0.5).lower, equal_nan=True
    )


def test_no_mixtures_have_no_regions():
    region = rough_mixture(4, 3.0)[:0].highest_density_region(0.5)
    assert region.lower.shape == region.upper.shape == (0, 5)
    assert region.log_threshold.shape == (0,)


def test_questions_without_an_answer_are_refused(make_mixture):
    with pytest.raises(ValueError, match="one target, got 2; take a marginal"):
        make_mixture(targets=2).highest_density_region(0.5)
    for level in (0.0, 1.0, 2.0):
        with pytest.raises(ValueError, match=r"(between|from) 0 (and|to) 1"):
            make_mixture(targets=1).highest_density_region(level)

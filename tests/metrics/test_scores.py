"""Against quadrature of the definitions, samples, and scoringrules where it is installed."""

import numpy as np
import pytest
import torch
from scipy.integrate import quad
from scipy.stats import norm

from mdn import metrics
from mdn.distributions.mixture import GaussianMixture
from mdn.distributions.scale import DiagonalScale


@pytest.fixture(params=[1, 2, 3, 4])
def mixture(request, make_mixture):
    return make_mixture(3, components=3, targets=request.param)


@pytest.fixture
def y(mixture):
    return 2 * torch.randn(3, mixture.num_targets, dtype=torch.float64)


def brier_integral(pi, mu, sigma, y):
    """CRPS by definition: the integral of (F(v) - 1{v >= y})^2."""

    def below(v):
        return (pi @ norm.cdf((v - mu) / sigma)) ** 2

    def above(v):
        return (pi @ norm.sf((v - mu) / sigma)) ** 2

    low, high = (mu - 40 * sigma).min(), (mu + 40 * sigma).max()
    middles = sorted(mu)
    parts = [quad(below, min(low, y), y, points=middles, limit=300)]
    parts += [quad(above, y, max(high, y), points=middles, limit=300)]
    return sum(part[0] for part in parts)


def test_crps_of_the_standard_normal():
    zero = torch.zeros(1, 1, dtype=torch.float64)
    mixture = GaussianMixture(zero[0], zero, DiagonalScale(zero + 1, 1))
    assert metrics.crps(mixture, zero).item() == pytest.approx(0.2336949772551)


@pytest.mark.parametrize("targets", [1, 3])
def test_crps_is_the_integral_of_its_definition(make_mixture, targets):
    mixture = make_mixture(components=3, targets=targets)
    for distance in (0.3, 8.0):
        y = distance * torch.randn(targets, dtype=torch.float64)
        score = metrics.crps(mixture, y)
        for d in range(targets):
            mu, sigma = mixture.mu[:, d].numpy(), mixture.sigma[:, d].numpy()
            expected = brier_integral(mixture.pi.numpy(), mu, sigma, y[d].item())
            assert score[d].item() == pytest.approx(expected, rel=1e-6)


def test_crps_agrees_with_scoringrules(mixture, y):
    reference = pytest.importorskip("scoringrules")
    score = metrics.crps(mixture, y).numpy()
    for d in range(mixture.num_targets):
        mu, sigma, pi = (v.numpy() for v in (mixture.mu[..., d], mixture.sigma[..., d], mixture.pi))
        expected = reference.crps_mixnorm(y[:, d].numpy(), mu, sigma, pi, m_axis=-1)
        np.testing.assert_allclose(score[:, d], expected, rtol=1e-6)


def test_crps_of_one_mixture_for_many_rows_in_single_precision(make_mixture):
    mixture = make_mixture(components=5, targets=2)
    y = 100 * torch.randn(50, 2, dtype=torch.float64)
    score = metrics.crps(mixture.to(dtype=torch.float32), y.float())
    torch.testing.assert_close(score.double(), metrics.crps(mixture, y), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("at_once", [1, 2, 3, 4])
def test_crps_is_the_same_however_many_components_are_met_at_once(
    make_mixture, monkeypatch, at_once
):
    mixture = make_mixture(3, components=5, targets=2)
    y = torch.randn(3, 2, dtype=torch.float64)
    whole = metrics.crps(mixture, y)
    monkeypatch.setattr("mdn.metrics.scores._PAIRS_AT_ONCE", at_once * mixture.mu.numel())
    torch.testing.assert_close(metrics.crps(mixture, y), whole)


def test_energy_score_is_that_of_samples(mixture, y):
    score = metrics.energy_score(mixture, y, num_directions=2000)
    first, second = mixture.sample([20_000]), mixture.sample([20_000])
    to_value, within = (first - y).norm(dim=-1), (first - second).norm(dim=-1)
    samples = to_value - 0.5 * within
    # The noise of the directions is below that of the samples.
    error = 5 * samples.std(0) / len(samples) ** 0.5
    assert ((score - samples.mean(0)).abs() < error + 0.02 * score).all()


def test_energy_score_of_one_target_is_the_crps(make_mixture):
    mixture = make_mixture(4, targets=1)
    y = torch.randn(4, 1, dtype=torch.float64)
    score = metrics.energy_score(mixture, y, num_directions=1)
    torch.testing.assert_close(score, metrics.crps(mixture, y).squeeze(-1))


def test_energy_score_far_away_is_the_distance(mixture):
    y = torch.full((3, mixture.num_targets), 1e6, dtype=torch.float64)
    score = metrics.energy_score(mixture, y, num_directions=4000)
    torch.testing.assert_close(score, y.norm(dim=-1), rtol=0.02, atol=0)


def test_scores_have_gradients(make_mixture):
    mixture = make_mixture(2, targets=2).map(lambda stored: stored.requires_grad_())
    y = torch.randn(2, 2, dtype=torch.float64)
    (metrics.crps(mixture, y).sum() + metrics.energy_score(mixture, y, 4).sum()).backward()
    assert mixture.mu.grad is not None
    assert mixture.mu.grad.isfinite().all()


def test_errors_of_a_stated_point():
    log_pi = torch.tensor([0.7, 0.3], dtype=torch.float64).log()
    mu = torch.tensor([[0.0], [10.0]], dtype=torch.float64)
    mixture = GaussianMixture(log_pi, mu, DiagonalScale(torch.ones_like(mu), 1))
    y = torch.tensor([[1.0], [10.0]], dtype=torch.float64)
    points = {"mean": 3.0, "median": norm.ppf(0.5 / 0.7), "mode": 0.0}
    for name, point in points.items():
        expected = (y - point).abs()
        absolute = metrics.absolute_error(mixture, y, name)
        torch.testing.assert_close(absolute, expected, rtol=1e-6, atol=1e-6)
        torch.testing.assert_close(metrics.squared_error(mixture, y, name), absolute.square())
    with pytest.raises(ValueError, match=r"one of .*, got 'best'"):
        metrics.point_prediction(mixture, "best")


def test_pinball_loss_is_least_at_its_quantile_and_twice_its_mean_is_the_crps(make_mixture):
    mixture = make_mixture(3, components=2, targets=2)
    y = torch.randn(3, 2, dtype=torch.float64)
    levels = ((torch.arange(2000) + 0.5) / 2000).tolist()
    loss = metrics.pinball(mixture, y, levels)
    assert loss.shape == (2000, 3, 2)
    torch.testing.assert_close(2 * loss.mean(0), metrics.crps(mixture, y), rtol=2e-3, atol=2e-3)
    assert (metrics.pinball(mixture, mixture.median, [0.5]) == 0).all()


def test_pinball_loss_by_hand():
    zero = torch.zeros(1, 1, dtype=torch.float64)
    mixture = GaussianMixture(zero[0], zero, DiagonalScale(zero + 1, 1))
    y = torch.tensor([[2.0], [-1.0]], dtype=torch.float64)
    quantile = norm.ppf(0.9)
    expected = [0.9 * (2 - quantile), 0.1 * (quantile + 1)]
    assert metrics.pinball(mixture, y, [0.9]).flatten().tolist() == pytest.approx(expected)

"""A component of weight exactly 0 changes no answer, wherever it stands."""

import pytest
import torch

from mdn import metrics
from mdn.distributions.mixture import GaussianMixture

QUESTIONS = {
    "log_prob": lambda m, y: m.log_prob(y),
    "cdf": lambda m, y: m.cdf(y),
    "upper cdf": lambda m, y: m.cdf(y, upper=True),
    "log_cdf": lambda m, y: m.log_cdf(y),
    "mean": lambda m, y: m.mean,
    "std": lambda m, y: m.std,
    "covariance": lambda m, y: m.covariance,
    "dispersed": lambda m, y: m.dispersed(1.5).log_prob(y),
    "median": lambda m, y: m.median,
    "quantile": lambda m, y: m.quantile([1e-9, 0.1, 0.97]),
    "interval": lambda m, y: torch.stack(m.interval(0.8)),
    "shortfall": lambda m, y: m.expected_shortfall(0.2),
    "upper shortfall": lambda m, y: m.expected_shortfall(0.9, upper=True),
    "shortfall at 1": lambda m, y: m.expected_shortfall(1.0),
    "entropy": lambda m, y: torch.stack(m.entropy_bounds()),
    "kl to another": lambda m, y: m.kl_to(m.affine(2 * y.new_ones(2), y.new_ones(2))),
    "condition": lambda m, y: m.condition([1], y[..., :1]).mean,
    "condition's density": lambda m, y: m.condition([0], y[..., :1]).log_prob(y[..., :1]),
    "marginal": lambda m, y: m.marginal([1]).std,
    "project": lambda m, y: m.project(y.new_tensor([0.6, -2.0])).std,
    "modes": lambda m, y: m.modes().y[..., :1, :],
    "height of the mode": lambda m, y: m.modes().log_prob[..., 0],
    "region": lambda m, y: m.marginal([0]).highest_density_region(0.8).log_threshold,
    "ends of the region": lambda m, y: m.marginal([0]).highest_density_region(0.8).lower[..., :1],
    "most likely": lambda m, y: m.most_likely()[1],
    "prune": lambda m, y: m.prune(1e-12).log_prob(y),
    "merge": lambda m, y: m.merge([m.affine(y.new_ones(2), y.new_ones(2))], [1, 2]).std,
    "merge's parts": lambda m, y: torch.stack(m.variance_split([m.affine(y[0].exp(), y[1])])),
    "pool": lambda m, y: m.pool().std,
    "parts of the pool": lambda m, y: torch.stack(m.std_split()),
    "covariance of the pool": lambda m, y: torch.stack(m.covariance_split()),
    "crps": metrics.crps,
    "energy score": metrics.energy_score,
    "pit": metrics.pit,
    "rosenblatt": metrics.rosenblatt,
    "target_nll": metrics.target_nll,
    "grid_nll": lambda m, y: metrics.grid_nll(m, y, y.new_tensor([0.5, 0.0])),
    "pinball": lambda m, y: metrics.pinball(m, y, [0.3]),
    "squared error": lambda m, y: metrics.squared_error(m, y, "mean"),
    "sharpness": lambda m, y: metrics.sharpness(m),
    "interval width": lambda m, y: metrics.interval_width(m, 0.9),
}


def with_a_dead_component(mixture: GaussianMixture, at: float) -> GaussianMixture:
    """Its second component without weight, and its mean there."""
    log_pi, mu = mixture.log_pi.clone(), mixture.mu.clone()
    log_pi[..., 1], mu[..., 1, :] = -torch.inf, at
    return GaussianMixture(log_pi.log_softmax(-1), mu, mixture.scale)


def without_it(mixture: GaussianMixture) -> GaussianMixture:
    def kept(stored):
        return stored if stored.shape[-2] == 1 else stored[..., [0, 2], :]

    log_pi, mu = mixture.log_pi[..., [0, 2]], mixture.mu[..., [0, 2], :]
    return GaussianMixture(log_pi.log_softmax(-1), mu, mixture.scale.map(kept))


WITHOUT_GRADIENT = {"region", "ends of the region"}


@pytest.mark.parametrize("question", QUESTIONS)
def test_no_answer_changes(make_mixture, question):
    random, y = make_mixture(2, components=3, targets=2), torch.randn(2, 2, dtype=torch.float64)
    for at in (0.5, 50.0, 1e200):
        mixture = with_a_dead_component(random, at)
        got = QUESTIONS[question](mixture, y)
        expected = QUESTIONS[question](without_it(mixture), y)
        torch.testing.assert_close(got, expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("question", [q for q in QUESTIONS if q not in WITHOUT_GRADIENT])
def test_no_gradient_changes(make_mixture, question):
    mixture = with_a_dead_component(make_mixture(2, components=3, targets=2), 50.0)
    y = torch.randn(2, 2, dtype=torch.float64)
    slopes = []
    for each in (mixture, without_it(mixture)):
        leaves = each.map(lambda v: v.detach().clone().requires_grad_())
        value = QUESTIONS[question](leaves, y)
        (slope,) = torch.autograd.grad(value.sum(), leaves.mu)
        slopes.append(slope)
    dead, alive = slopes[0][:, 1], slopes[0][:, [0, 2]]
    torch.testing.assert_close(alive, slopes[1], rtol=1e-7, atol=1e-9)
    torch.testing.assert_close(dead, torch.zeros_like(dead), rtol=0, atol=1e-12)


def test_samples_never_come_from_it(make_mixture):
    mixture = with_a_dead_component(make_mixture(2, components=3, targets=1), 1e200)
    y, component = mixture.sample_with_component([500])
    assert (component != 1).all()
    assert y.abs().max() < 100
    assert mixture.rsample([500]).abs().max() < 100


@pytest.mark.parametrize("at", [50.0, 1e200])
def test_from_itself_it_is_nowhere_away(make_mixture, at):
    mixture = with_a_dead_component(make_mixture(2, components=3, targets=2), at)
    torch.testing.assert_close(mixture.kl_to(mixture), torch.zeros(2, dtype=torch.float64))
    assert (mixture.kl_by_samples(mixture, 10)[0] == 0).all()

"""Against torch's divergences of single Gaussians, quadrature and samples."""

import math

import pytest
import torch
from torch.distributions import MultivariateNormal, kl_divergence

from mdn.distributions.mixture import GaussianMixture
from mdn.distributions.scale import CovarianceFactor, PrecisionFactor

# For densities this smooth and this far from the ends, the trapezoidal rule is exact.
GRID = torch.linspace(-50, 50, 50_001, dtype=torch.float64)


def gaussians(mixture):
    """The components of one mixture as torch distributions."""
    covariance = mixture.scale.covariance().expand(*mixture.mu.shape, -1)
    return [MultivariateNormal(m, c) for m, c in zip(mixture.mu, covariance, strict=True)]


def bhattacharyya(p, q):
    between = (p.covariance_matrix + q.covariance_matrix) / 2
    away = p.mean - q.mean
    logs = [m.logdet() for m in (between, p.covariance_matrix, q.covariance_matrix)]
    return away @ between.inverse() @ away / 8 + logs[0] / 2 - (logs[1] + logs[2]) / 4


def mean_log_overlap(p, q, pi, divergence):
    logs = [
        torch.stack([w.log() - divergence(f, g) for w, g in zip(pi, q, strict=True)]) for f in p
    ]
    return torch.stack(logs).logsumexp(-1)


@pytest.mark.parametrize("targets", [1, 2, 4])
def test_bounds_and_divergence_by_the_published_formulas(make_mixture, targets):
    mixture = make_mixture(2, components=3, targets=targets)
    other = make_mixture(2, components=4, targets=targets)
    lower, upper = mixture.entropy_bounds()
    divergence = mixture.kl_to(other)
    for row in range(2):
        pi, p, q = mixture.pi[row], gaussians(mixture[row]), gaussians(other[row])
        inside = pi @ torch.stack([f.entropy() for f in p])
        expected = inside - pi @ mean_log_overlap(p, p, pi, bhattacharyya)
        torch.testing.assert_close(lower[row], expected)
        within = mean_log_overlap(p, p, pi, kl_divergence)
        matched = MultivariateNormal(mixture.mean[row], mixture.covariance[row]).entropy()
        torch.testing.assert_close(upper[row], torch.minimum(inside - pi @ within, matched))
        across = mean_log_overlap(p, q, other.pi[row], kl_divergence)
        torch.testing.assert_close(divergence[row], pi @ (within - across))


@pytest.mark.parametrize("spread", [0.1, 1.0, 5.0])
def test_bounds_enclose_the_entropy(make_mixture, spread):
    mixture = make_mixture(4, components=3, targets=1)
    mixture = GaussianMixture(mixture.log_pi, spread * mixture.mu, mixture.scale)
    lower, upper = mixture.entropy_bounds()
    log_prob = mixture.log_prob(GRID[:, None, None])
    entropy = torch.trapezoid(-log_prob.exp() * log_prob, GRID, dim=0)
    assert (lower - 1e-9 <= entropy).all()
    assert (entropy <= upper + 1e-9).all()


def test_bounds_meet_for_components_far_apart(make_mixture):
    mixture = make_mixture(components=3, targets=2)
    mixture = GaussianMixture(mixture.log_pi, 1000 * mixture.mu, mixture.scale)
    lower, upper = mixture.entropy_bounds()
    weights = -(mixture.pi * mixture.log_pi).sum()
    single = torch.stack([f.entropy() for f in gaussians(mixture)])
    torch.testing.assert_close(lower, upper)
    torch.testing.assert_close(lower, weights + mixture.pi @ single)


@pytest.mark.parametrize("targets", [1, 3])
def test_divergence_by_samples_is_within_its_error(make_mixture, targets):
    p, q = (make_mixture(2, components=1, targets=targets) for _ in range(2))
    estimate, error = p.kl_by_samples(q, 20_000, torch.Generator().manual_seed(0))
    exact = torch.stack(
        [kl_divergence(gaussians(p[row])[0], gaussians(q[row])[0]) for row in range(2)]
    )
    assert ((estimate - exact).abs() < 5 * error).all()
    torch.testing.assert_close(p.kl_to(q), exact)


def test_divergence_of_mixtures_by_samples_agrees_with_quadrature(make_mixture):
    p, q = (make_mixture(components=3, targets=1) for _ in range(2))
    log_p, log_q = p.log_prob(GRID[:, None]), q.log_prob(GRID[:, None])
    exact = torch.trapezoid(log_p.exp() * (log_p - log_q), GRID)
    estimate, error = p.kl_by_samples(q, 20_000)
    assert (estimate - exact).abs() < 5 * error


def test_divergence_from_itself_is_zero_and_batches_broadcast(make_mixture):
    many, one = make_mixture(5, targets=2), make_mixture(targets=2)
    torch.testing.assert_close(many.kl_to(many), torch.zeros(5, dtype=torch.float64))
    assert many.kl_to(one).shape == (5,)
    torch.testing.assert_close(one.kl_to(many)[3], one.kl_to(many[3]))
    assert one.kl_by_samples(many, 10)[0].shape == (5,)


def test_gradients(make_mixture):
    p, q = (make_mixture(2, targets=2).map(lambda v: v.requires_grad_()) for _ in range(2))
    (p.kl_to(q).sum() + sum(bound.sum() for bound in p.entropy_bounds())).backward()
    assert p.mu.grad is not None
    assert p.mu.grad.isfinite().all()


def test_many_rows_are_answered_in_parts(monkeypatch, make_mixture):
    mixture = make_mixture(5, 2, components=3, targets=2)
    other = make_mixture(2, components=4, targets=2)
    together = (*mixture.entropy_bounds(), mixture.kl_to(other))
    monkeypatch.setattr("mdn.distributions.questions.ragged._NUMBERS_AT_ONCE", 100)
    parts = (*mixture.entropy_bounds(), mixture.kl_to(other))
    for whole, part in zip(together, parts, strict=True):
        assert whole.shape == (5, 2)
        torch.testing.assert_close(whole, part)


NARROW = [(torch.float32, 1e-3), (torch.float32, 1e-5), (torch.float64, 1e-8)]
NARROW += [(torch.float64, 1e-12), (torch.float64, 1e-100)]


@pytest.mark.parametrize("factor", [CovarianceFactor, PrecisionFactor])
@pytest.mark.parametrize(("dtype", "narrow"), NARROW)
def test_entropy_of_strongly_correlated_targets(factor, dtype, narrow):
    """The entropy of one component is 1 + log 2 pi + log of its conditional deviations."""
    tril = torch.tensor([[[1.0, 0.0], [1.0, narrow]]], dtype=dtype)
    mixture = GaussianMixture(tril.new_zeros(1), tril.new_zeros(1, 2), factor.from_tril(tril))
    exact = 1 + math.log(2 * math.pi) + math.log(narrow)
    for bound in mixture.entropy_bounds():
        assert bound.item() == pytest.approx(exact, rel=1e-6)
    assert mixture.kl_to(mixture) == 0


def test_entropy_of_components_along_one_line():
    """Both bounds hold the entropy where the determinant of the covariance is lost."""
    tril = torch.tensor([[[1.0, 0.0], [1.0, 1e-9]]], dtype=torch.float64)
    mu = torch.tensor([[-0.5, -0.5], [0.5, 0.5]], dtype=torch.float64)
    log_pi = torch.tensor([0.5, 0.5], dtype=torch.float64).log()
    mixture = GaussianMixture(log_pi, mu, CovarianceFactor.from_tril(tril))
    lower, upper = mixture.entropy_bounds()
    # Along the line an ordinary mixture, and across it a Gaussian on its own.
    along = mixture.marginal([0]).log_prob(GRID[:, None])
    exact = torch.trapezoid(-along.exp() * along, GRID)
    exact = exact + 0.5 * (1 + math.log(2 * math.pi)) + math.log(1e-9)
    assert lower <= exact + 1e-9
    assert exact <= upper + 1e-6
    assert upper - exact < 0.2

"""A mixture that is convolved with Gaussian noise."""

import numpy as np
import pytest
import torch
from scipy.stats import multivariate_normal

from mdn import metrics
from mdn.distributions.mixture import GaussianMixture
from mdn.distributions.scale import CovarianceFactor

STD = 0.7


def dense(mixture, std=STD):
    """The same mixture from covariances that are written out."""
    covariance = mixture.scale.covariance()
    eye = torch.eye(mixture.num_targets, dtype=covariance.dtype)
    tril = torch.linalg.cholesky(covariance + std**2 * eye)
    return GaussianMixture(mixture.log_pi, mixture.mu, CovarianceFactor.from_tril(tril))


@pytest.mark.parametrize("targets", [1, 2, 3])
def test_the_density_is_the_sum_of_scipys(make_mixture, targets):
    mixture = make_mixture(4, components=3, targets=targets)
    y, found = mixture.sample() + 0.3, mixture.convolved(STD)
    covariance = mixture.scale.covariance().expand(4, 3, targets, targets).numpy()
    for row in range(4):
        parts = [
            multivariate_normal.pdf(y[row], mean, cov + STD**2 * np.eye(targets))
            for mean, cov in zip(mixture.mu[row].numpy(), covariance[row], strict=True)
        ]
        wanted = np.log(mixture.pi[row].numpy() @ parts)
        assert found[row].log_prob(y[row]).item() == pytest.approx(wanted, rel=1e-9)


def test_the_density_is_the_mean_over_the_noise(make_mixture):
    """By Gauss-Hermite quadrature over e of p(y - e)."""
    mixture = make_mixture(3, components=2, targets=1).dispersed(2.0)
    nodes, weights = np.polynomial.hermite_e.hermegauss(80)
    y = mixture.mean + 0.5
    noise = 0.2 * torch.from_numpy(nodes)[:, None, None]
    each = mixture.log_prob(y - noise).exp().numpy()
    wanted = weights @ each / weights.sum()
    np.testing.assert_allclose(mixture.convolved(0.2).log_prob(y).exp(), wanted, rtol=1e-6)


@pytest.mark.parametrize("targets", [1, 2])
def test_every_answer_is_the_dense_one(make_mixture, targets):
    mixture = make_mixture(3, components=3, targets=targets)
    found, wanted = mixture.convolved(STD), dense(mixture)
    y = mixture.sample()
    for name, ask in {
        "log_prob": lambda m: m.log_prob(y),
        "cdf": lambda m: m.cdf(y),
        "quantile": lambda m: m.quantile([0.05, 0.5, 0.9]),
        "mean": lambda m: m.mean,
        "std": lambda m: m.std,
        "covariance": lambda m: m.covariance,
        "modes": lambda m: m.modes().log_prob[..., 0],
        "crps": lambda m: metrics.crps(m, y),
        "energy score": lambda m: metrics.energy_score(m, y),
        "sample": lambda m: m.sample((5,), torch.Generator().manual_seed(0)),
        "responsibilities": lambda m: m.log_responsibilities(y),
    }.items():
        torch.testing.assert_close(ask(found), ask(wanted), msg=lambda m, name=name: f"{name}: {m}")


def test_conditioning_and_marginals_come_after_the_noise(make_mixture):
    mixture = make_mixture(3, components=2, targets=3)
    found, y = mixture.convolved(STD), mixture.sample()
    joint = dense(mixture).log_prob(y)
    torch.testing.assert_close(
        found.marginal([0, 2]).log_prob(y[:, [0, 2]])
        + found.condition([0, 2], y[:, [0, 2]]).log_prob(y[:, [1]]),
        joint,
    )
    part = mixture.marginal([2, 0]).convolved(STD).log_prob(y[:, [2, 0]])
    torch.testing.assert_close(found.marginal([2, 0]).log_prob(y[:, [2, 0]]), part)


def test_samples_have_the_moments(make_mixture):
    mixture = make_mixture(components=2, targets=2).convolved(STD)
    drawn = mixture.sample((200_000,), torch.Generator().manual_seed(0))
    torch.testing.assert_close(torch.cov(drawn.T), mixture.covariance, rtol=0.03, atol=0.03)


def test_names_and_nothing_else_are_kept_and_0_changes_nothing(make_mixture):
    mixture = make_mixture(components=2, targets=2)
    assert mixture.convolved(0.0) is mixture
    assert mixture.convolved(0) is mixture
    found = mixture.convolved(1)
    assert found.log_pi is mixture.log_pi
    assert found.mu is mixture.mu


@pytest.mark.parametrize("std", [-0.1, float("nan"), float("inf")])
def test_other_numbers_are_refused(make_mixture, std):
    with pytest.raises(ValueError, match="finite standard deviation of at least 0, got"):
        make_mixture(components=2, targets=1).convolved(std)

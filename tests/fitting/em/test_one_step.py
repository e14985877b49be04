"""One E-step and one M-step, against the same written out row by row."""

import numpy as np
import pytest
import torch
from em_cases import (
    FAMILIES,
    IRIS,
    for_every_family,
    iris_start,
    mean_log_likelihood,
    random_mixture,
    with_holes,
)
from scipy.special import logsumexp
from scipy.stats import multivariate_normal

from mdn.distributions.mixture import GaussianMixture
from mdn.fitting.em import EStep, expectation, m_step


def one_step(mixture, y, weight):
    """Weights, means and covariances after one step, a row at a time, and the log likelihood.

    Missing entries are filled by their conditional moments under each component.
    """
    covariance = mixture.scale.covariance().expand(mixture.num_components, -1, -1).numpy()
    mu, log_pi = mixture.mu.numpy(), mixture.log_pi.numpy()
    mass, first, second = np.zeros(len(mu)), np.zeros(mu.shape), np.zeros(covariance.shape)
    log_likelihood = 0.0
    for row, w in zip(y.numpy(), weight.numpy(), strict=True):
        o = ~np.isnan(row)
        joint = [
            lp + multivariate_normal(m[o], s[np.ix_(o, o)]).logpdf(row[o])
            for lp, m, s in zip(log_pi, mu, covariance, strict=True)
        ]
        total = logsumexp(joint)
        log_likelihood += w * total
        for k, (m, s) in enumerate(zip(mu, covariance, strict=True)):
            r = w * np.exp(joint[k] - total)
            gain = s[:, o] @ np.linalg.inv(s[np.ix_(o, o)])
            filled = m + gain @ (row[o] - m[o])
            mass[k] += r
            first[k] += r * filled
            second[k] += r * (np.outer(filled, filled) + s - gain @ s[o])
    mean = first / mass[:, None]
    covariance = second / mass[:, None, None] - mean[:, :, None] * mean[:, None, :]
    return mass / mass.sum(), mean, covariance, log_likelihood / weight.sum().item()


@pytest.mark.parametrize("holes", [False, True], ids=["complete", "holes"])
@pytest.mark.parametrize("path", ["features", "residuals"])
@for_every_family
def test_written_out_row_by_row(family, path, holes, monkeypatch):
    if path == "residuals":
        monkeypatch.setattr(expectation, "_MOST_DIGITS_LOST", -1)
    mixture, weight = random_mixture(family), torch.rand(40, dtype=torch.float64)
    y = torch.randn(40, 3, dtype=torch.float64)
    y = with_holes(y) if holes else y
    y[0] = 1.0  # a complete row among the others
    statistics = EStep(mixture, family, torch.full((3,), 0.3))(y, weight)
    after = m_step(statistics, family)
    pi, mu, covariance, log_likelihood = one_step(mixture, y, weight)
    projected = family.project(torch.from_numpy(covariance), torch.from_numpy(pi))
    assert statistics.mean_log_likelihood == pytest.approx(log_likelihood, rel=1e-11)
    assert np.allclose(after.pi, pi, atol=1e-11)
    assert np.allclose(after.mu, mu, atol=1e-11)
    assert np.allclose(after.scale.covariance(), projected.covariance(), atol=1e-10)


@for_every_family
def test_no_mixture_of_the_family_fits_the_statistics_better(family):
    """The M-step maximises sum_k mass_k E[log pi_k N(y; mu_k, S_k)]: small moves lose."""
    y = torch.randn(60, 2, dtype=torch.float64) @ torch.tensor([[1.0, 0.8], [0, 0.5]]).double()
    before = random_mixture(family, components=2, targets=2)
    share = before.log_responsibilities(y).exp()
    best = m_step(EStep(before, family, y.mean(0))(y), family)

    def expected(log_pi, mu, raw):
        moved = GaussianMixture(log_pi.log_softmax(-1), mu, family.scale(raw, 2))
        return (share * (moved.log_pi + moved.component_log_prob(y))).sum()

    parameters = [best.log_pi, best.mu, family.raw(best.scale)]
    parameters = [p.detach().requires_grad_() for p in parameters]
    slopes = torch.autograd.grad(expected(*parameters), parameters, allow_unused=True)
    assert all(
        slope is None or slope.abs().max() < 1e-8
        for slope in slopes
        if slope is None or slope.numel()
    )


@for_every_family
def test_likelihood_is_that_of_the_mixture(family):
    mixture, y = random_mixture(family), torch.randn(30, 3, dtype=torch.float64)
    statistics = EStep(mixture, family, torch.zeros(3))(y)
    assert statistics.mean_log_likelihood == pytest.approx(mean_log_likelihood(mixture, y))


def test_halves_add_to_the_whole():
    family, y = FAMILIES["full"], with_holes(IRIS)
    step = EStep(iris_start(family), family, IRIS.mean(0))
    halves, whole = step(y[:60]) + step(y[60:]), step(y)
    for part in ("mass", "first", "second", "log_likelihood", "weight"):
        assert torch.allclose(getattr(halves, part), getattr(whole, part), atol=1e-10)


def test_reduce_sums_every_part():
    family = FAMILIES["full"]
    one = EStep(iris_start(family), family, IRIS.mean(0))(IRIS)
    two = one.reduce(lambda flat: 2 * flat)
    assert torch.allclose(two.second, 2 * one.second)
    assert torch.allclose(two.mass, 2 * one.mass)
    assert two.mean_log_likelihood == pytest.approx(one.mean_log_likelihood)

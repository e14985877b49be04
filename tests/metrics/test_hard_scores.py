"""Scores of hard mixtures and of values far out, against scoringrules and closed forms."""

import numpy as np
import pytest
import torch
from mpmath import hyp1f1, mp, mpf, rf

from mdn import metrics
from mdn.distributions.mixture import GaussianMixture
from mdn.distributions.scale import DiagonalScale

VALUES = [0.0, 0.3, -5.0, 40.0, 1e3, -1e6, 1e9, -1e15]

# Weights, means and standard deviations.
HARD = {
    "one": ([1.0], [3.0], [2.0]),
    "spike and slab": ([0.5, 0.5], [0.3, 0.0], [1e-6, 1.0]),
    "gap": ([0.3, 0.7], [-1e4, 1e4], [1.0, 3.0]),
    "rare and far": ([1 - 1e-6, 1e-6], [0.0, 1e6], [1.0, 1.0]),
    "nearly equal": ([0.5, 0.5], [1.0, 1 + 1e-9], [1.0, 1.0]),
    "scales apart": ([0.2, 0.3, 0.5], [0.0, 1.0, -30.0], [1e-3, 1.0, 1e3]),
}


def one_target(pi, mu, std) -> GaussianMixture:
    pi, mu, std = (torch.tensor(v, dtype=torch.float64) for v in (pi, mu, std))
    return GaussianMixture(pi.log().log_softmax(-1), mu[:, None], DiagonalScale(std[:, None], 1))


@pytest.mark.parametrize("name", HARD)
def test_crps_is_that_of_scoringrules_however_far_the_value(name):
    reference = pytest.importorskip("scoringrules")
    mixture = one_target(*HARD[name])
    found = metrics.crps(mixture, torch.tensor(VALUES, dtype=torch.float64)[:, None])
    parts = [np.array(v) for v in HARD[name]]
    expected = [reference.crps_mixnorm(y, parts[1], parts[2], parts[0]) for y in VALUES]
    np.testing.assert_allclose(found[:, 0], expected, rtol=1e-9)


def mean_norm(mean: torch.Tensor, variance: mpf) -> mpf:
    """The mean length of a vector of N(mean, variance I): of a noncentral chi distribution."""
    half = mpf(len(mean)) / 2
    distance = sum(mpf(v) ** 2 for v in mean.tolist()) / variance
    return mp.sqrt(2 * variance) * rf(half, 0.5) * hyp1f1(-0.5, half, -distance / 2)


def exact_energy_score(mixture: GaussianMixture, y: torch.Tensor) -> float:
    """E norm(Y - y) - 1/2 E norm(Y - Y') of isotropic components."""
    pi, sigma = ([mpf(v) for v in t.tolist()] for t in (mixture.pi, mixture.sigma[:, 0]))
    parts = list(zip(pi, mixture.mu, sigma, strict=True))
    to_value = sum(p * mean_norm(m - y, s**2) for p, m, s in parts)
    within = sum(p * q * mean_norm(m - n, s**2 + t**2) for p, m, s in parts for q, n, t in parts)
    return float(to_value - within / 2)


@pytest.mark.parametrize("spread", [1e-6, 1.0, 1e6])
@pytest.mark.parametrize("targets", [2, 5])
def test_energy_score_is_the_closed_form_of_isotropic_components(targets, spread):
    """Each seed has directions of its own, and their average is off by chance alone."""
    mu = spread * torch.randn(3, targets, dtype=torch.float64)
    std = torch.tensor([[1.0], [0.1], [3.0]], dtype=torch.float64)
    log_pi = torch.tensor([0.2, 0.5, 0.3], dtype=torch.float64).log()
    mixture = GaussianMixture(log_pi, mu, DiagonalScale(std, targets))
    y = torch.randn(targets, dtype=torch.float64)
    scores = torch.stack([metrics.energy_score(mixture, y, 64, seed) for seed in range(100)])
    error = scores.std() / len(scores) ** 0.5
    assert abs(scores.mean() - exact_energy_score(mixture, y)) < 4 * error
    assert error < 0.02 * scores.mean()

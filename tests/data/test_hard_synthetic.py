"""The harder problems: each density against its definition in numpy and scipy, and their rows."""

import math

import numpy as np
import pytest
import torch
from scipy import stats

from mdn.data.seeds import generator
from mdn.data.synthetic import CircleOfModes, TurningCorrelations

# Each problem, and a mixture in numpy for a row of x: weights, means and covariances.
OPTIMAL_NLL = {"circle": 0.829, "covariance": 1.285, "precision": 1.285}


def circle_of_modes(x):
    weights = np.exp(np.sin(x[0] + 2 * np.arange(5)))
    means, covariances = [], []
    for k in range(5):
        t = x[0] + 2 * math.pi * k / 5
        means.append([2 * math.cos(t), 2 * math.sin(t)])
        turn = 2 * x[0] + k
        along = np.array([math.cos(turn), math.sin(turn)])
        across = np.array([-math.sin(turn), math.cos(turn)])
        long, short = (0.3 + 0.1 * k) ** 2, (0.05 + 0.01 * k) ** 2
        covariances.append(long * np.outer(along, along) + short * np.outer(across, across))
    return weights / weights.sum(), means, covariances


def turning(problem):
    """Reads the waves in their order: a logit, then means, diagonals and columns of each kind."""

    def mixture(x):
        slope, phase = (wave.numpy() for wave in problem._waves)
        waves = np.sin(x @ slope + phase)
        first = 1 / (1 + math.exp(-waves[0]))
        means, covariances = [], []
        for part in waves[1:].reshape(2, -1):
            means.append(2 * part[:6])
            deviations = 0.3 * np.exp(0.5 * part[6:12])
            lower = np.zeros((6, 6))
            lower.T[np.triu_indices(6, 1)] = part[12:]
            if problem.factor == "covariance":
                factor = lower + np.diag(deviations)
            else:
                factor = np.linalg.inv(np.eye(6) - lower) @ np.diag(deviations)
            covariances.append(factor @ factor.T)
        return [first, 1 - first], means, covariances

    return mixture


COVARIANCE, PRECISION = TurningCorrelations("covariance"), TurningCorrelations("precision")
CASES = {
    "circle": (CircleOfModes(), circle_of_modes),
    "covariance": (COVARIANCE, turning(COVARIANCE)),
    "precision": (PRECISION, turning(PRECISION)),
}


@pytest.mark.parametrize("name", CASES)
def test_mixtures_against_scipy(name):
    problem, reference = CASES[name]
    x, y = problem.sample(50, generator("test", 0))
    expected = [
        sum(
            w * stats.multivariate_normal.pdf(target, mean, covariance)
            for w, mean, covariance in zip(*reference(row), strict=True)
        )
        for row, target in zip(x.numpy(), y.numpy(), strict=True)
    ]
    np.testing.assert_allclose(problem.log_prob(x, y), np.log(expected), rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize("name", CASES)
def test_rows_come_from_the_mixtures(name):
    """At one x, means and covariances of many rows are those of the mixture in numpy."""
    problem, reference = CASES[name]
    x, _ = problem.sample(1, generator("test", 3))
    y = problem.conditional(x).sample((200_000,), generator("test", 4)).squeeze(1).numpy()
    weights, means, covariances = (np.asarray(part) for part in reference(x[0].numpy()))
    mean = weights @ means
    about = means - mean
    covariance = np.einsum("k,kij->ij", weights, covariances)
    covariance += np.einsum("k,ki,kj->ij", weights, about, about)
    spread = np.sqrt(covariance.diagonal())
    np.testing.assert_allclose((y.mean(0) - mean) / spread, 0, atol=0.012)
    relative = (np.cov(y.T) - covariance) / np.outer(spread, spread)
    np.testing.assert_allclose(relative, 0, atol=0.02)


@pytest.mark.parametrize("name", OPTIMAL_NLL)
def test_the_optimum_that_is_stated(name):
    x, y = CASES[name][0].sample(200_000, generator("test", 7))
    nll = -CASES[name][0].log_prob(x, y)
    error = nll.std().item() / math.sqrt(len(nll))
    assert nll.mean().item() == pytest.approx(OPTIMAL_NLL[name], abs=4 * error + 5e-4)


@pytest.mark.parametrize("x", [-3.0, 0.3, 2.0])
def test_circle_of_modes_integrates_to_one(x):
    axis = torch.linspace(-7, 7, 1401, dtype=torch.float64)
    y = torch.cartesian_prod(axis, axis)
    log_prob = CircleOfModes().log_prob(torch.full((len(y), 1), x, dtype=torch.float64), y)
    assert log_prob.exp().sum().item() * 1e-4 == pytest.approx(1, abs=1e-8)


def test_inputs_of_the_circle_go_round():
    x, _ = CircleOfModes().sample(5000, generator("test", 0))
    assert stats.kstest(x.squeeze(-1), stats.uniform(-math.pi, 2 * math.pi).cdf).pvalue > 1e-3


def test_turning_correlations_turn():
    """Correlations change sign with x, and the two kinds are different problems."""
    x, y = COVARIANCE.sample(2000, generator("test", 0))
    covariance = COVARIANCE.conditional(x).scale.covariance()
    std = covariance.diagonal(dim1=-2, dim2=-1).sqrt()
    correlation = covariance / (std[..., :, None] * std[..., None, :])
    assert (correlation.amax(0)[:, 1:, 0] > 0.5).all()
    assert (correlation.amin(0)[:, 1:, 0] < -0.5).all()
    assert not torch.allclose(COVARIANCE.log_prob(x, y), PRECISION.log_prob(x, y))


def test_turning_correlations_refuse_another_factor():
    with pytest.raises(ValueError, match="factor must be covariance or precision, got 'diagonal'"):
        TurningCorrelations("diagonal")

"""Quantiles and expected shortfalls of hard mixtures, against forty digits.

The distance of an answer from the exact one is the Newton step that mpmath makes from it.
"""

import math

import pytest
import torch
from mpmath import mp, mpf

from mdn.distributions.mixture import GaussianMixture
from mdn.distributions.scale import DiagonalScale

EPS = torch.finfo(torch.float64).eps
SCALES = [1e-60, 1e-20, 1.0, 1e20, 1e200]
LEVELS = [1e-9, 1e-6, 0.05, 0.3, 0.5, 0.9, 1 - 1e-6]

# Weights, means and standard deviations.
HARD = {
    "one": ([1.0], [3.0], [2.0]),
    "unlike": ([0.3, 0.7], [-1.0, 2.0], [1.0, 0.5]),
    "nearly equal": ([0.5, 0.5], [1.0, 1 + 1e-9], [1.0, 1.0]),
    "equal to rounding": ([0.2, 0.3, 0.5], [1.0, 1 + 1e-15, 1 - 1e-12], [1.0, 1 + 1e-12, 1.0]),
    "far and rare": ([1 - 1e-4, 1e-4], [0.0, 1e3], [1.0, 1.0]),
    "spike and slab": ([0.4, 0.6], [0.5, 0.0], [1e-6, 1.0]),
    "gap of a million": ([0.4, 0.6], [-5e5, 5e5], [1.0, 3.0]),
    "far from zero": ([0.2, 0.8], [1e9, 1e9 + 3], [2.0, 0.5]),
    "scales apart": ([0.5, 0.3, 0.2], [0.0, 1.0, -1e3], [1e-3, 1.0, 1e3]),
    "many": ([0.1] * 10, [float(i) ** 3 for i in range(10)], [1.0 + 5 * i for i in range(10)]),
    "rare on both sides": ([1e-5, 1 - 2e-5, 1e-5], [-1e4, 0.0, 1e4], [1.0, 1.0, 1.0]),
}


@pytest.fixture(autouse=True)
def _forty_digits():
    with mp.workdps(40):
        yield


def hard_mixture(name: str, scale: float = 1.0) -> GaussianMixture:
    pi, mu, std = (torch.tensor(v, dtype=torch.float64) for v in HARD[name])
    return GaussianMixture(
        pi.log().log_softmax(-1), scale * mu[:, None], DiagonalScale(scale * std[:, None], 1)
    )


def components(mixture: GaussianMixture) -> list[tuple[mpf, mpf, mpf]]:
    """The stored weight, mean and standard deviation of each component, in forty digits."""
    stored = (mixture.log_pi, mixture.mu[:, 0], mixture.sigma[:, 0])
    log_pi, mu, sigma = ([mpf(v) for v in values.tolist()] for values in stored)
    total = sum(mp.exp(v) for v in log_pi)
    return [(mp.exp(v) / total, m, s) for v, m, s in zip(log_pi, mu, sigma, strict=True)]


def roundings(mixture: GaussianMixture, y: float, tail: mpf, upper: bool) -> float:
    """How far y is from where the probability below it, or above it, is `tail`.

    In units of what one rounding moves: of y, of its distance from the means, or of the tail.
    """
    side = -1 if upper else 1
    standard = [(pi, side * (mpf(y) - mu) / sigma, sigma) for pi, mu, sigma in components(mixture)]
    reached = sum(pi * mp.ncdf(z) for pi, z, _ in standard)
    density = sum(pi * mp.npdf(z) / sigma for pi, z, sigma in standard)
    unit = EPS * max(abs(y), mixture.sigma.max().item(), tail / density)
    return float(abs(reached - tail) / density / unit)


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("name", HARD)
def test_quantiles_are_exact_to_a_few_roundings(name, scale):
    mixture = hard_mixture(name, scale)
    for level, found in zip(LEVELS, mixture.quantile(LEVELS).flatten().tolist(), strict=True):
        tail = 1 - mpf(level) if level > 0.5 else mpf(level)
        assert roundings(mixture, found, tail, level > 0.5) < 8, level


@pytest.mark.parametrize("upper", [False, True])
@pytest.mark.parametrize("scale", [1e-60, 1.0])
@pytest.mark.parametrize("name", ["one", "nearly equal", "equal to rounding", "far from zero"])
def test_quantiles_at_the_end_of_the_range_of_probabilities(name, scale, upper):
    mixture = hard_mixture(name, scale)
    found = mixture.icdf(torch.tensor([1e-300], dtype=torch.float64), upper).item()
    assert roundings(mixture, found, mpf(1e-300), upper) < 8


@pytest.mark.parametrize("scale", SCALES)
def test_all_and_nothing_are_the_ends_of_the_line(scale):
    for name in HARD:
        ends = hard_mixture(name, scale).quantile([0.0, 1.0]).flatten().tolist()
        assert ends == [-math.inf, math.inf]


@pytest.mark.parametrize("std", [1e-3, 1.0, 30.0])
@pytest.mark.parametrize("scale", [1e-60, 1.0, 1e200])
def test_the_middle_of_a_gap_is_the_median(scale, std):
    """Components a million apart, equally likely and not equally wide: nothing is between them."""
    mu = scale * torch.tensor([[0.0], [1e6]], dtype=torch.float64)
    scales = DiagonalScale(scale * torch.tensor([[1.0], [std]], dtype=torch.float64), 1)
    mixture = GaussianMixture(torch.tensor([0.5, 0.5], dtype=torch.float64).log(), mu, scales)
    assert mixture.median.item() == pytest.approx(5e5 * scale, rel=4 * EPS, abs=0)


def exact_shortfall(mixture: GaussianMixture, level: float, upper: bool) -> mpf:
    """E[y; y beyond q] / level at the quantile q, which is sought between the components' own."""
    side, parts = -1 if upper else 1, components(mixture)

    def short(y: mpf) -> mpf:
        return sum(pi * mp.ncdf(side * (y - mu) / sigma) for pi, mu, sigma in parts) - level

    reach = [mu + sign * 40 * sigma for _, mu, sigma in parts for sign in (-1, 1)]
    low, high = (min(reach), max(reach)) if side > 0 else (max(reach), min(reach))
    for _ in range(130):
        middle = (low + high) / 2
        low, high = (low, middle) if short(middle) > 0 else (middle, high)
    z = [(pi, mu, sigma, side * (low - mu) / sigma) for pi, mu, sigma in parts]
    # What is missing to the level, on a plateau, is made up at the quantile.
    missing = level - sum(pi * mp.ncdf(x) for pi, _, _, x in z)
    beyond = sum(pi * (mu * mp.ncdf(x) - side * sigma * mp.npdf(x)) for pi, mu, sigma, x in z)
    return (beyond + missing * low) / level


@pytest.mark.parametrize("upper", [False, True])
@pytest.mark.parametrize("level", [1e-6, 0.05, 0.7])
@pytest.mark.parametrize("name", HARD)
def test_expected_shortfall_of_hard_mixtures(name, level, upper):
    mixture = hard_mixture(name)
    exact = float(exact_shortfall(mixture, level, upper))
    found = mixture.expected_shortfall(level, upper).item()
    assert found == pytest.approx(exact, rel=1e-7, abs=1e-7 * mixture.sigma.min().item())

"""Quantiles where the distribution function is flat, and next to no probability: mpmath."""

import pytest
import torch
from mpmath import mp, mpf

from mdn.distributions.mixture import GaussianMixture
from mdn.distributions.scale import DiagonalScale


@pytest.fixture(autouse=True)
def _sixty_digits():
    with mp.workdps(60):
        yield


def mixture_of(pi, mu, std, dtype=torch.float64) -> GaussianMixture:
    pi, mu, std = (torch.tensor(v, dtype=torch.float64) for v in (pi, mu, std))
    scale = DiagonalScale(std[:, None].to(dtype), 1)
    return GaussianMixture(pi.log().log_softmax(-1).to(dtype), mu[:, None].to(dtype), scale)


def reached(mixture: GaussianMixture, y: float, upper: bool = False) -> mpf:
    """The exact probability below or above y, of the weights as they are stored."""
    stored = (mixture.pi, mixture.mu[:, 0], mixture.sigma[:, 0])
    parts = zip(*(map(mpf, v.tolist()) for v in stored), strict=True)
    side = -1 if upper else 1
    return sum(pi * mp.ncdf(side * (mpf(y) - mu) / sigma) for pi, mu, sigma in parts)


def check(mixture: GaussianMixture, tail: float, upper: bool) -> None:
    """The answer is where the probability is met to roundings of it and of the answer."""
    dtype = mixture.mu.dtype
    level, eps = torch.tensor([tail], dtype=dtype), torch.finfo(dtype).eps
    y = mixture.icdf(level, upper).item()
    level, step = mpf(level.item()), 4 * eps * abs(y)
    ends = sorted(reached(mixture, y + move, upper) for move in (-step, step))
    slack = 40 * eps * level * (1 if tail > 1e-20 else 40)
    assert ends[0] - slack <= level <= ends[1] + slack, (tail, y)


@pytest.mark.parametrize("upper", [False, True])
@pytest.mark.parametrize("std", [1e-3, 1.0, 5.0])
@pytest.mark.parametrize("gap", [30.0, 100.0, 1e4])
@pytest.mark.parametrize("weight", [1e-6, 0.1, 0.3, 0.49])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_levels_close_to_the_weight_below_a_gap(dtype, weight, gap, std, upper):
    mixture = mixture_of([weight, 1 - weight], [0.0, gap], [1.0, std], dtype)
    for digits in range(2, 6 if dtype == torch.float32 else 14):
        for sign in (-1, 1):
            near = weight * (1 + sign * 10.0**-digits)
            check(mixture, 1 - near if upper and near > 0.5 else near, upper)


@pytest.mark.parametrize(
    ("weight", "ends", "dtype", "level", "expected"),
    [
        (0.49999, (0.0, 100.0), torch.float32, 0.5, 95.8925),
        (0.9, (0.0, 100.0), torch.float32, 0.90001, 96.281),
        (0.5 - 1e-9, (0.0, 100.0), torch.float64, 0.5, 94.1158),
        (0.5 - 1e-11, (0.0, 100.0), torch.float64, 0.5, 93.3955),
        (0.5, (-1e3, 1e3), torch.float64, 0.5 + 1e-10, 993.746),
    ],
)
def test_the_far_side_of_a_gap(weight, ends, dtype, level, expected):
    mixture = mixture_of([weight, 1 - weight], ends, [1.0, 1.0], dtype)
    assert mixture.quantile(level).item() == pytest.approx(expected, abs=3e-3)
    if level == 0.5:
        assert mixture.median.item() == pytest.approx(expected, abs=3e-3)


@pytest.mark.parametrize("upper", [False, True])
def test_both_levels_of_an_interval(upper):
    """The lower end is in the right component as the left holds a little less than it takes."""
    sides = [0.0, 100.0] if not upper else [100.0, 0.0]
    lower, higher = mixture_of([0.05 - 1e-9, 0.95 + 1e-9], sides, [1.0, 1.0]).interval(0.9)
    assert (higher < 50 if upper else lower > 50).all()


@pytest.mark.parametrize("upper", [False, True])
@pytest.mark.parametrize("tail", [1e-307, 1e-300, 1e-290, 1e-280, 1e-100])
def test_next_to_no_probability(tail, upper):
    generator = torch.Generator().manual_seed(1)
    for _ in range(10):
        pi = torch.rand(6, generator=generator, dtype=torch.float64).tolist()
        mu = torch.randn(6, generator=generator, dtype=torch.float64).tolist()
        std = (1 + 0.02 * torch.randn(6, generator=generator, dtype=torch.float64)).tolist()
        check(mixture_of(pi, mu, std), tail, upper)


@pytest.mark.parametrize("upper", [False, True])
@pytest.mark.parametrize("level", [1e-9, 1e-6, 0.05, 0.7])
@pytest.mark.parametrize(("dtype", "far"), [(torch.float32, 1.7e9), (torch.float64, 1e18)])
@pytest.mark.parametrize("components", [1, 2])
def test_expected_shortfall_where_numbers_lie_farther_apart(dtype, far, level, upper, components):
    pi, std = [0.25, 0.75][-components:], [3.0, 1.0][-components:]
    far = torch.tensor(far, dtype=dtype).item()
    mixture = mixture_of(pi, [far] * components, std, dtype)
    # A few standard deviations are less than one rounding of the mean.
    found = mixture.expected_shortfall(level, upper).item()
    assert abs(found - far) <= torch.finfo(dtype).eps * far

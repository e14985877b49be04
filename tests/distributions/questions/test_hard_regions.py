"""Highest-density regions of hard mixtures, against forty digits."""

import pytest
import torch
from mpmath import mp, mpf

from mdn.distributions.mixture import GaussianMixture
from mdn.distributions.scale import DiagonalScale

EPS = torch.finfo(torch.float64).eps

# Weights, means and standard deviations.
HARD = {
    "spike and slab": ([0.5, 0.5], [0.0, 0.0], [1e-6, 1.0]),
    "spike beside a slab": ([0.3, 0.7], [1.5, 0.0], [1e-9, 1.0]),
    "rare spike and slab": ([1e-3, 1 - 1e-3], [2.0, 0.0], [1e-6, 1.0]),
    "gap of a million": ([0.4, 0.6], [-5e5, 5e5], [1.0, 3.0]),
    "three in a row": ([0.3, 0.3, 0.4], [-1e6, 0.0, 1e6], [1.0, 0.1, 10.0]),
    "offset of a billion": ([0.2, 0.8], [1e9 - 1, 1e9 + 3], [2.0, 0.5]),
    "offset below zero": ([0.5, 0.5], [-1e9, -1e9 - 30], [1.0, 3.0]),
    "a weight of 1e-300": ([1e-300, 1.0], [30.0, 0.0], [1.0, 1.0]),
    "two weights of 1e-300": ([1e-300, 1.0, 1e-300], [-1e6, 1.0, 1.0], [1e-3, 1.0, 1e3]),
    "nearly equal": ([0.5, 0.5], [0.0, 1e-9], [1.0, 1.0]),
}


@pytest.fixture(autouse=True)
def _forty_digits():
    with mp.workdps(40):
        yield


def components(name: str) -> tuple[GaussianMixture, list[tuple[mpf, mpf, mpf]]]:
    pi, mu, std = (torch.tensor(v, dtype=torch.float64) for v in HARD[name])
    mixture = GaussianMixture(pi.log().log_softmax(-1), mu[:, None], DiagonalScale(std[:, None], 1))
    weights = [mp.exp(mpf(v)) for v in mixture.log_pi.tolist()]
    parts = zip(weights, HARD[name][1], HARD[name][2], strict=True)
    return mixture, [(w / sum(weights), mpf(m), mpf(s)) for w, m, s in parts]


def heights(parts: list[tuple[mpf, mpf, mpf]], y: mpf) -> tuple[mpf, mpf]:
    """The density at y, and its slope."""
    each = [pi * mp.npdf((y - mu) / s) / s for pi, mu, s in parts]
    return sum(each), sum(v * (mu - y) / s**2 for v, (_, mu, s) in zip(each, parts, strict=True))


@pytest.mark.parametrize("name", HARD)
def test_ninety_percent_are_held_between_ends_of_one_height(name):
    mixture, parts = components(name)
    region = mixture.highest_density_region(0.9)
    ends = [
        mpf(end) for pair in (region.lower, region.upper) for end in pair[pair == pair].tolist()
    ]
    lower, upper = ends[: len(ends) // 2], ends[len(ends) // 2 :]
    mass = sum(
        pi * (mp.ncdf((high - mu) / s) - mp.ncdf((low - mu) / s))
        for pi, mu, s in parts
        for low, high in zip(lower, upper, strict=True)
    )
    # An end is a number of double precision: one rounding of each costs so much mass and height.
    rounded = sum(heights(parts, end)[0] * EPS * abs(end) for end in ends)
    assert abs(mass - mpf(0.9)) < 4e-13 + rounded
    for end in ends:
        density, slope = heights(parts, end)
        off = abs(mp.log(density) - mpf(region.log_threshold.item()))
        assert off < 4 * EPS * (1 + abs(end * slope / density))


def normal(dtype: torch.dtype = torch.float64, scale: float = 1.0) -> GaussianMixture:
    zero, std = torch.zeros(1, 1, dtype=dtype), torch.full((1, 1), scale, dtype=dtype)
    return GaussianMixture(zero[0], zero, DiagonalScale(std, 1))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize(
    "level", [1e-4, 1e-3, 0.2, 0.7, *(1 - 10.0**-k for k in range(2, 16)), 1 - 2.0**-53]
)
def test_every_level_that_is_answered_is_met(level, dtype):
    end = float(mp.sqrt(2) * mp.erfinv(mpf(level)))
    region = normal(dtype).highest_density_region(level)
    rel = max(1e-6 if level < 0.01 else 1e-11, torch.finfo(dtype).eps)
    assert region.upper.item() == pytest.approx(end, rel=rel)
    assert region.lower.item() == pytest.approx(-end, rel=rel)


def test_almost_all_of_two_components_apart():
    pi = torch.tensor([0.3, 0.7], dtype=torch.float64)
    mu = torch.tensor([[-50.0], [50.0]], dtype=torch.float64)
    mixture = GaussianMixture(pi.log(), mu, DiagonalScale(torch.ones_like(mu), 1))
    for left in (1e-3, 1e-9, 1e-13, 2.0**-53):
        region = mixture.highest_density_region(1 - left)
        weights, gone = [mp.exp(mpf(v)) for v in mixture.log_pi.tolist()], 1 - mpf(1 - left)
        ends = zip(weights, region.upper.tolist(), mixture.mu[:, 0].tolist(), strict=True)
        beyond = sum(2 * w * mp.ncdf(mpf(m) - mpf(u)) for w, u, m in ends) / sum(weights)
        assert abs(beyond / gone - 1) < 1e-10


@pytest.mark.parametrize("scale", [1e-60, 1.0, 1e60])
@pytest.mark.parametrize("level", [1e-6, 1e-7, 1e-8, 1e-9, 1e-12, 1e-100, 1e-300])
def test_levels_too_small_to_be_told_are_refused(level, scale):
    with pytest.raises(ValueError, match="rounding hides"):
        normal(scale=scale).highest_density_region(level)


def test_a_flat_top_is_answered_right_or_refused():
    """Two components at plus and minus one: the height falls with the fourth power."""
    mu = torch.tensor([[-1.0], [1.0]], dtype=torch.float64)
    half = torch.full((2,), 0.5, dtype=torch.float64).log()
    mixture = GaussianMixture(half, mu, DiagonalScale(torch.ones_like(mu), 1))
    answered = 0
    for level in [10 ** (-k / 4) for k in range(1, 24)]:
        try:
            region = mixture.highest_density_region(level)
        except ValueError:
            continue
        answered += 1
        low, high = (mpf(end[end == end].item()) for end in (region.lower, region.upper))
        held = sum(mp.ncdf(high - m) - mp.ncdf(low - m) for m in (-1, 1)) / 2
        assert abs(held / level - 1) < 1e-6
    assert answered > 5

"""Highest-density regions of hard mixtures, against forty digits."""

import pytest
import torch
from mpmath import mp, mpf

from mdn.mixture import GaussianMixture
from mdn.scale import DiagonalScale

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

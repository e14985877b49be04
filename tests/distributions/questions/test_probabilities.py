"""Probabilities of ranges: against scipy, far out in both tails, of every family and scale."""

import math

import numpy as np
import pytest
import torch
from scipy import integrate
from scipy.stats import norm
from transformed_mixtures import ONE_TARGET, density, one_target

from mdn.distributions import normal
from mdn.distributions.mixture import GaussianMixture
from mdn.distributions.scale import DiagonalScale

PI, MU, SIGMA = np.array([0.3, 0.7]), np.array([0.0, 3.0]), np.array([1.0, 0.5])
F64 = torch.float64


def mixture(*batch):
    log_pi, mu, sigma = (torch.tensor(v, dtype=F64) for v in (np.log(PI), MU, SIGMA))
    one = GaussianMixture(log_pi, mu[:, None], DiagonalScale(sigma[:, None], 1), ("price",))
    return one.expand(*batch) if batch else one


def above(y):
    return (PI * norm.sf((np.asarray(y)[..., None] - MU) / SIGMA)).sum(-1)


def below(y):
    return (PI * norm.cdf((np.asarray(y)[..., None] - MU) / SIGMA)).sum(-1)


POINTS = [-35.0, -8.0, -1.0, 0.5, 3.2, 12.0, 36.0]


@pytest.mark.parametrize("y", POINTS)
def test_one_value(y):
    np.testing.assert_allclose(mixture().probability_above(y), above(y), rtol=1e-12)
    np.testing.assert_allclose(mixture().probability_below(y), below(y), rtol=1e-12)


def test_a_value_for_each_mixture_has_no_axis_of_targets():
    batch = mixture(len(POINTS))
    for found in (
        batch.probability_above(POINTS),
        batch.probability_above({"price": POINTS}),
        batch.probability_above(torch.tensor(POINTS, dtype=F64)[:, None]),
    ):
        assert found.shape == (len(POINTS),)
        np.testing.assert_allclose(found, above(POINTS), rtol=1e-12)
    assert mixture(4).probability_below(0.5).shape == (4,)
    assert mixture(4).probability_between([[0.5]], torch.zeros(2, 4, 1) + 1).shape == (2, 4)
    assert mixture().probability_between([0.5, 1, 2], 3).shape == (3,)


@pytest.mark.parametrize(
    ("low", "high"),
    [(-35, -34), (30, 31), (-1, 0.5), (-100, 100), (2.9, 3.1), (-math.inf, 1), (1, math.inf)],
)
def test_two_values(low, high):
    tails = above(low) - above(high) if low > 3 else below(high) - below(low)
    found = mixture().probability_between(low, high)
    np.testing.assert_allclose(found, tails, rtol=1e-11)


@pytest.mark.parametrize("width", [0.0, 1e-12, 1e-8, 1e-4, 1e-3])
@pytest.mark.parametrize("low", [-20.0, 0.3, 3.0, 25.0])
def test_narrow_ranges_have_their_density_times_their_width(low, width):
    high = low + width
    middle = torch.tensor([[(low + high) / 2]], dtype=F64)
    expected = mixture().log_prob(middle).exp().item() * (high - low)
    assert mixture().probability_between(low, high).item() == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("half", [1e-12, 1e-6, 7e-4, 8e-4, 0.02, 0.5, 3.0])
@pytest.mark.parametrize("center", [-30.0, -6.0, -1.0, 0.0, 0.3, 8.0])
def test_the_mass_of_a_standard_normal_has_its_digits(center, half):
    from mpmath import mp, mpf

    low, high = center - half, center + half
    with mp.workdps(400):
        exact = float(mp.ncdf(mpf(high)) - mp.ncdf(mpf(low)))
    ends = (torch.tensor(v, dtype=F64) for v in (low, high, (high - low) / 2))
    # An end far out that moves by its rounding moves the probability by as many times more.
    assert normal.mass(*ends).item() == pytest.approx(exact, rel=1e-12 * (1 + center**2))


def test_all_that_there_is_sums_to_one():
    ends = [-math.inf, -3.0, 0.0, 1e-9, 2.0, 3.0, 50.0, math.inf]
    parts = [mixture().probability_between(*ends[i : i + 2]) for i in range(len(ends) - 1)]
    assert sum(parts).item() == pytest.approx(1, rel=1e-14)


def test_every_family(make_mixture):
    mixtures = make_mixture(5, targets=3)
    y = mixtures.sample()
    each = [mixtures.marginal(d).probability_below(y[:, d]) for d in range(3)]
    torch.testing.assert_close(torch.stack(each, -1), mixtures.cdf(y))
    above = mixtures.marginal(1).probability_above(y[:, 1])
    torch.testing.assert_close(above, mixtures.cdf(y, upper=True)[:, 1])
    between = mixtures.marginal(2).probability_between(y[:, 2], y[:, 2] + 0.7)
    torch.testing.assert_close(between, (mixtures.cdf(y + 0.7) - mixtures.cdf(y))[:, 2])


@pytest.mark.parametrize("scale", ONE_TARGET)
def test_targets_on_other_scales(scale):
    transform = ONE_TARGET[scale]
    answers = one_target(transform)
    low, high = answers.quantile([0.2, 0.9]).flatten().tolist()
    area = integrate.quad(lambda y: density(transform, y), low, high, limit=200)[0]
    assert answers.probability_between(low, high).item() == pytest.approx(area, rel=1e-7)
    assert answers.probability_below(low).item() == pytest.approx(0.2)
    assert answers.probability_above(high).item() == pytest.approx(0.1)
    bottom, top = transform.support
    assert answers.probability_between(bottom, top).item() == pytest.approx(1)
    assert answers.probability_below(bottom - 1 if bottom > -math.inf else bottom).item() == 0
    assert answers.probability_above(transform.support[0]).item() == pytest.approx(1)


def test_given_another_target(make_mixture):
    mixtures = make_mixture(4, targets=2)
    given = mixtures.condition([0], 0.3)
    found = given.probability_between(-1, 2)
    samples = mixtures.marginal([0]).log_prob(0.3 + 0 * mixtures.mean[:, :1])
    points = torch.linspace(-1, 2, 3001, dtype=F64)
    rows = torch.stack([torch.full_like(points, 0.3), points], -1)[:, None]
    joint = torch.trapezoid(mixtures.log_prob(rows).exp(), points, dim=0)
    torch.testing.assert_close(found, joint / samples.exp(), rtol=2e-4, atol=1e-6)


def test_gradients_are_those_of_the_density():
    y = torch.tensor([[0.4]], dtype=F64, requires_grad=True)
    for question, sign in ((mixture().probability_above, -1), (mixture().probability_below, 1)):
        (slope,) = torch.autograd.grad(question(y).sum(), y)
        torch.testing.assert_close(slope, sign * mixture().log_prob(y.detach()).exp()[:, None])
    sigma = torch.tensor([[1.0], [0.5]], dtype=F64, requires_grad=True)
    open_ended = GaussianMixture(
        torch.tensor(PI, dtype=F64).log(), torch.tensor(MU)[:, None], DiagonalScale(sigma, 1)
    ).probability_between([-math.inf, 0.2, 1.0], [0.5, math.inf, 1.0])
    (slope,) = torch.autograd.grad(open_ended.sum(), sigma)
    assert slope.isfinite().all()


def test_single_precision_is_asked_in_its_own_digits():
    single = mixture(3).to(dtype=torch.float32)
    found = single.probability_above(torch.tensor([0.5, 3.2, 8.0]))
    assert found.dtype == torch.float32
    np.testing.assert_allclose(found, above([0.5, 3.2, 8.0]), rtol=1e-4)


def test_several_targets_are_told_to_take_a_marginal():
    pair = mixture(2).mu.expand(2, 2, 2)
    several = GaussianMixture(mixture(2).log_pi, pair, DiagonalScale(1 + 0 * pair, 2), ("a", "b"))
    with pytest.raises(ValueError, match=r"of 2: \['a', 'b'\]; ask mixture.marginal\('a'\)"):
        several.probability_above({"a": 3.0})
    with pytest.raises(ValueError, match=r"mixture.marginal\('a'\)"):
        several.probability_between(0, 1)

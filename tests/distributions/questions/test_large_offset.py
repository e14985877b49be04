"""A target c + y has the answers of y: what a large offset c leaves of them in double precision."""

import numpy as np
import pytest
import torch

from mdn import metrics
from mdn.distributions.mixture import GaussianMixture
from mdn.distributions.scale import DiagonalScale

OFFSETS = [0.0, 1e6, 1.7e9, -4e14]


@pytest.fixture(params=OFFSETS)
def offset(request) -> float:
    return request.param


def single(make_mixture, *batch, components=5, targets=2):
    """As a network gives it, weights normalized in single precision."""
    mixture = make_mixture(*batch, components=components, targets=targets).to(dtype=torch.float32)
    logits = mixture.log_pi + 0.1 * torch.randn_like(mixture.log_pi)
    return GaussianMixture(logits.log_softmax(-1), mixture.mu, mixture.scale)


def exactly(mixture: GaussianMixture) -> GaussianMixture:
    """The same in double precision, normalized by a formula of its own."""
    pi = mixture.log_pi.double().exp()
    pi = pi / pi.sum(-1, keepdim=True)
    scale = mixture.scale.map(torch.Tensor.double)
    return GaussianMixture(pi.log(), mixture.mu.double(), scale)


def about_zero(mixture: GaussianMixture) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean and covariance by the textbook's formula, for a mixture without an offset."""
    pi, mu = mixture.pi, mixture.mu
    mean = torch.einsum("...k,...kd->...d", pi, mu)
    second = mixture.scale.covariance() + mu[..., :, None] * mu[..., None, :]
    outer = mean[..., :, None] * mean[..., None, :]
    return mean, (pi[..., None, None] * second).sum(-3) - outer


def moved(mixture: GaussianMixture, offset: float) -> GaussianMixture:
    one = torch.ones(mixture.num_targets, dtype=torch.float64)
    return mixture.affine(one, offset * one)


def grain(offset: float) -> float:
    """What double precision cannot tell from the offset, and rounding of the rest."""
    return max(1e-13, 2 * float(np.spacing(abs(offset))))


def test_weights_sum_to_one_in_the_wider_type(make_mixture):
    mixture = single(make_mixture, 200, components=10, targets=1)
    for wide in (mixture.to(dtype=torch.float64), moved(mixture, 3.0)):
        assert wide.pi.dtype == torch.float64
        assert (wide.pi.sum(-1) - 1).abs().max() < 1e-15
        random = np.random.default_rng(0)
        assert [random.choice(10, p=row) for row in wide.pi.numpy()]
    back = mixture.to(dtype=torch.float32)
    torch.testing.assert_close(back.log_pi, mixture.log_pi, rtol=0, atol=0)


def test_mean_and_spread_do_not_see_an_offset(make_mixture, offset):
    mixture = single(make_mixture, 50)
    far, (mean, covariance) = moved(mixture, offset), about_zero(exactly(mixture))
    # Means of components are rounded where they stand, and with them all that follows.
    atol = grain(offset)
    torch.testing.assert_close(far.mean - offset, mean, rtol=0, atol=atol)
    torch.testing.assert_close(far.covariance, covariance, rtol=1e-12, atol=8 * atol)
    std = covariance.diagonal(dim1=-2, dim2=-1).sqrt()
    torch.testing.assert_close(far.std, std, rtol=1e-12, atol=8 * atol)


def test_noise_and_doubt_do_not_see_an_offset(make_mixture, offset):
    members = single(make_mixture, 3, 20)
    far, plain = moved(members, offset), exactly(members)
    means, covariances = about_zero(plain)
    away = means - means.mean(0)
    noise, doubt = covariances.mean(0), (away[..., :, None] * away[..., None, :]).mean(0)
    atol = 8 * grain(offset)
    for got, expected in zip(far.covariance_split(), (noise, doubt), strict=True):
        torch.testing.assert_close(got, expected, rtol=1e-12, atol=atol)
    first, *others = (far[m] for m in range(3))
    parts = [part.diagonal(dim1=-2, dim2=-1) for part in (noise, doubt)]
    for got, expected in zip(first.variance_split(others), parts, strict=True):
        torch.testing.assert_close(got, expected, rtol=1e-12, atol=atol)
    for got, expected in zip(far.std_split(), parts, strict=True):
        torch.testing.assert_close(got.square(), expected, rtol=1e-12, atol=atol)
    pooled = far.pool()
    torch.testing.assert_close(pooled.mean - offset, means.mean(0), rtol=0, atol=atol)
    torch.testing.assert_close(pooled.covariance, noise + doubt, rtol=1e-12, atol=atol)


def test_what_is_made_of_the_mean_does_not_see_an_offset(make_mixture, offset):
    mixture = single(make_mixture, 20)
    far, plain = moved(mixture, offset), exactly(mixture)
    mean, covariance = about_zero(plain)
    atol = 8 * grain(offset)
    y = far.mean + 1.0
    error = (y - offset - mean).square()
    torch.testing.assert_close(metrics.squared_error(far, y, "mean"), error, rtol=0, atol=4 * atol)
    for level in (0.3, 0.999, 1.0):
        got = far.expected_shortfall(level) - offset
        torch.testing.assert_close(got, plain.expected_shortfall(level), rtol=1e-9, atol=atol)
    wider, std = far.dispersed(1.7), covariance.diagonal(dim1=-2, dim2=-1).sqrt()
    torch.testing.assert_close(wider.mean - offset, mean, rtol=0, atol=atol)
    torch.testing.assert_close(wider.std, 1.7 * std, rtol=1e-12, atol=4 * atol)
    values = offset + torch.randn(20, 1, dtype=torch.float64)
    given = plain.condition([1], values - offset)
    torch.testing.assert_close(
        far.condition([1], values).mean - offset, given.mean, rtol=1e-6, atol=100 * atol
    )
    direction = torch.tensor([0.6, -0.8], dtype=torch.float64)
    along = far.project(direction)
    torch.testing.assert_close(along.std, plain.project(direction).std, rtol=1e-9, atol=4 * atol)


def test_probabilities_stay_within_one(make_mixture, offset):
    mixture = moved(single(make_mixture, 100, components=10, targets=2), offset)
    beyond = torch.full((100, 2), abs(offset) + 1e6, dtype=torch.float64)
    for upper, y in ((False, beyond), (True, -beyond)):
        assert (mixture.cdf(y, upper=upper) <= 1).all()
        assert (mixture.cdf(y, upper=upper) > 1 - 1e-15).all()
        assert (mixture.log_cdf(y, upper=upper) <= 0).all()
    assert (metrics.rosenblatt(mixture, beyond) <= 1).all()
    assert (metrics.pit(mixture, beyond) <= 1).all()


def test_weights_that_are_rounded_cost_the_mean_next_to_nothing():
    """Even of weights that were never normalized in this type."""
    log_pi = torch.tensor([0.1, 0.7, -1.3]).log_softmax(-1).double()
    mu = torch.tensor([[-1.0], [0.0], [1.0]], dtype=torch.float64)
    scale = DiagonalScale(torch.full((3, 1), 0.1, dtype=torch.float64), 1)
    near, far = (GaussianMixture(log_pi, mu + c, scale) for c in (0.0, 1.7e9))
    assert far.mean.item() - 1.7e9 == pytest.approx(near.mean.item(), abs=1e-4)
    assert far.std.item() == pytest.approx(near.std.item(), rel=1e-5)

"""One policy far from every component: finite log densities, and the limit for everything else."""

import pytest
import torch

from mdn import metrics
from mdn.distributions.likelihood import plain_log_prob
from mdn.distributions.mixture import GaussianMixture
from mdn.distributions.normal import farthest
from mdn.distributions.scale import CovarianceFactor

FAR = {torch.float32: 1e20, torch.float64: 1e200}
DIRECTION = torch.tensor([1.0, -0.7, 0.4], dtype=torch.float64)


@pytest.fixture(params=FAR)
def dtype(request) -> torch.dtype:
    return request.param


@pytest.fixture
def far(dtype):
    """(y, factor): y far out in the type, and factor * y whose squares double precision holds."""
    return FAR[dtype] * DIRECTION.to(dtype), 1.0 if dtype == torch.float32 else 1e-100


def nearer(mixture, y, factor):
    return mixture.to(dtype=torch.float64), factor * y.double()


def test_log_densities_are_right_as_far_as_they_are_not_held(make_mixture, dtype):
    mixture = make_mixture(targets=3)
    y = farthest(dtype) ** 0.9 * DIRECTION
    got = mixture.to(dtype=dtype)
    torch.testing.assert_close(
        got.log_prob(y.to(dtype)).double(), _log_prob_in_parts(mixture, y), rtol=1e-4, atol=0
    )


def _log_prob_in_parts(mixture, y):
    """Without squares that overflow: the highest component by lengths alone."""
    whitened = mixture.scale.whiten(1e-5 * (y[None] - mixture.mu))
    length = torch.linalg.vector_norm(whitened, dim=-1)
    return -0.5 * (1e5 * length.min()) ** 2


def test_beyond_every_log_density_is_held_at_one_number(make_mixture, far, dtype):
    mixture, (y, _) = make_mixture(targets=3).to(dtype=dtype), far
    y = y * FAR[dtype] ** 0.5
    tensors = mixture.log_pi, mixture.mu, mixture.scale
    values = [mixture.log_prob(y), plain_log_prob(y, *tensors), *mixture.component_log_prob(y)]
    lowest = torch.tensor(-0.5 * farthest(dtype) ** 2, dtype=dtype)
    for value in values:
        torch.testing.assert_close(value, lowest)
    assert (1000 * lowest).isfinite()
    for value in (mixture.log_cdf(-y.abs()), -metrics.target_nll(mixture, y)):
        torch.testing.assert_close(value, lowest.expand(3))


def test_responsibilities_follow_the_limit(make_mixture, far):
    mixture, (y, factor) = make_mixture(targets=3), far
    got = mixture.to(dtype=y.dtype).log_responsibilities(y).exp()
    middle, y = nearer(mixture, y, factor)
    expected = middle.log_responsibilities(y).exp()
    torch.testing.assert_close(got.double(), expected, rtol=1e-4, atol=1e-4)


def test_a_component_without_weight_explains_nothing(make_mixture, far):
    mixture, (y, _) = make_mixture(targets=3).to(dtype=far[0].dtype), far
    for dead in range(3):
        log_pi = mixture.log_pi.clone()
        log_pi[dead] = -torch.inf
        some = GaussianMixture(log_pi.log_softmax(-1), mixture.mu, mixture.scale)
        share = some.log_responsibilities(y).exp()
        assert share[dead] == 0
        assert share.sum().item() == pytest.approx(1)
        leaf = some.log_pi.clone().requires_grad_()
        some = GaussianMixture(leaf, mixture.mu, mixture.scale)
        (slope,) = torch.autograd.grad(some.log_prob(y), leaf)
        assert slope[dead] == 0
        assert slope.sum().item() == pytest.approx(1)


def test_conditional_means_keep_their_distance(make_mixture, far):
    mixture, (y, factor) = make_mixture(targets=3), far
    given = mixture.to(dtype=y.dtype).condition([2, 0], y[[2, 0]])
    middle, near = nearer(mixture, y, factor)
    expected = middle.condition([2, 0], near[[2, 0]])
    torch.testing.assert_close(given.pi.double(), expected.pi, rtol=1e-4, atol=1e-4)
    slope = (expected.mu - middle.mu[:, [1]]) / near[0]
    torch.testing.assert_close((given.mu / y[0]).double(), slope, rtol=1e-4, atol=1e-6)


def test_conditional_mean_of_one_gaussian():
    tril = torch.tensor([[[1.0, 0.0], [0.5, 1.0]]])
    gaussian = GaussianMixture(torch.zeros(1), torch.zeros(1, 2), CovarianceFactor.from_tril(tril))
    for size in (1.0, 1e20, -1e30, 3e38):
        given = gaussian.condition([0], torch.tensor([size]))
        assert given.mean.item() == pytest.approx(size / 2, rel=1e-5)
        assert given.pi.item() == 1


def test_transforms_are_probabilities(make_mixture, far):
    mixture, (y, _) = make_mixture(targets=3).to(dtype=far[0].dtype), far
    for transform in (metrics.pit, metrics.rosenblatt):
        values = transform(mixture, y)
        assert ((values >= 0) & (values <= 1)).all()
    assert mixture.cdf(y.abs()).tolist() == pytest.approx([1.0] * 3)
    assert mixture.cdf(-y.abs()).tolist() == [0.0] * 3
    step = torch.full_like(y, 0.5)
    assert metrics.grid_nll(mixture, y, step).isfinite()


def test_gradients_are_finite(make_mixture):
    mixture = make_mixture(targets=3).to(dtype=torch.float32).map(lambda v: v.requires_grad_())
    y = torch.full((3,), 1e15)
    mean = mixture.condition([0], y[:1]).log_responsibilities(y[:2]).exp().sum()
    (mean + mixture.log_responsibilities(y).exp()[0]).backward()
    assert mixture.mu.grad is not None
    assert mixture.mu.grad.isfinite().all()

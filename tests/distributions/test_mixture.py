"""The questions a Gaussian mixture answers, for every family, against what they stand for."""

import math
from itertools import product

import numpy as np
import pytest
import torch
from family_list import random_raw
from scipy.optimize import brentq
from scipy.special import logsumexp
from scipy.stats import norm

from mdn.distributions.mixture import GaussianMixture
from mdn.distributions.scale import DiagonalScale


def one_target(log_pi, mu, std):
    column = [torch.tensor(v, dtype=torch.float64)[:, None] for v in (mu, std)]
    return GaussianMixture(
        torch.tensor(log_pi, dtype=torch.float64), column[0], DiagonalScale(column[1], 1)
    )


def grid(mixture, points: int):
    """Points around a mixture without batch axes, and the volume of the cell of each."""
    reach = 10 * mixture.sigma.amax(0)
    low, high = mixture.mu.amin(0) - reach, mixture.mu.amax(0) + reach
    axes = [torch.linspace(a, b, points, dtype=a.dtype) for a, b in zip(low, high, strict=True)]
    return torch.cartesian_prod(*axes).reshape(-1, len(axes)), ((high - low) / (points - 1)).prod()


@pytest.mark.parametrize("unit", [1e-3, 1.0, 100.0])
@pytest.mark.parametrize(("targets", "points"), [(1, 4000), (2, 500)])
def test_the_density_integrates_to_one(make_mixture, targets, points, unit):
    factor = torch.full((targets,), unit, dtype=torch.float64)
    mixture = make_mixture(targets=targets).affine(factor, factor)
    y, volume = grid(mixture, points)
    assert mixture.log_prob(y).exp().sum() * volume == pytest.approx(1, abs=1e-9)


@pytest.mark.parametrize("targets", [1, 2])
def test_moments_equal_quadrature(make_mixture, targets):
    mixture = make_mixture(targets=targets)
    y, volume = grid(mixture, 500)
    mass = mixture.log_prob(y).exp() * volume
    mean = mass @ y
    covariance = (y - mean).mT @ (mass[:, None] * (y - mean))
    torch.testing.assert_close(mixture.mean, mean, rtol=0, atol=1e-9)
    torch.testing.assert_close(mixture.covariance, covariance, rtol=0, atol=1e-9)
    torch.testing.assert_close(mixture.std, covariance.diagonal().sqrt())


def test_the_standard_normal_at_its_mean():
    mixture = one_target(log_pi=[0.0], mu=[0.0], std=[1.0])
    assert mixture.log_prob(torch.zeros(1, dtype=torch.float64)) == pytest.approx(-0.9189385332)


@pytest.mark.parametrize("targets", [1, 3])
def test_names_and_shapes(make_mixture, targets):
    mixture = make_mixture(4, 5, components=3, targets=targets)
    assert (mixture.batch_shape, mixture.num_components) == ((4, 5), 3)
    assert mixture.num_targets == mixture.scale.num_targets == targets
    assert len(mixture) == 4
    torch.testing.assert_close(mixture.pi.sum(-1), torch.ones(4, 5, dtype=torch.float64))
    variances = mixture.scale.covariance().diagonal(dim1=-2, dim2=-1)
    torch.testing.assert_close(mixture.sigma, variances.sqrt().expand(4, 5, 3, targets))


def test_targets_broadcast_against_the_batch(make_mixture):
    one, many = make_mixture(targets=2), make_mixture(7, targets=2)
    y = torch.randn(5, 7, 2, dtype=torch.float64)
    rows = torch.stack([one.log_prob(row) for row in y[0]])
    torch.testing.assert_close(one.log_prob(y[0]), rows)
    torch.testing.assert_close(many.log_prob(y)[3], many.log_prob(y[3]))
    assert many.log_prob(y[0, 0]).shape == (7,)
    torch.testing.assert_close(many.log_prob(y[0])[2], many[2].log_prob(y[0, 2]))


def test_a_change_of_units_moves_the_density_by_its_jacobian(make_mixture):
    mixture = make_mixture(6, targets=3)
    factor = torch.tensor([0.001, 50.0, 3.0], dtype=torch.float64)
    shift = torch.tensor([1.0, -2.0, 0.0], dtype=torch.float64)
    y = torch.randn(6, 3, dtype=torch.float64)
    moved = mixture.affine(factor, shift).log_prob(factor * y + shift)
    torch.testing.assert_close(moved, mixture.log_prob(y) - factor.log().sum(), atol=1e-8, rtol=0)


def extreme(family, kind: str, components: int, targets: int) -> list[torch.Tensor]:
    """Raw head outputs of magnitude 1e4, as leaves: logits, means, raw scales."""
    sign = {"random": None, "plus": 1.0, "minus": -1.0}[kind]
    shapes = [(components,), (targets, components), family.raw_shape(components, targets)]
    values = [torch.empty(64, *shape).uniform_(-1e4, 1e4) for shape in shapes]
    if sign is not None:
        values = [torch.full_like(value, sign * 1e4) for value in values]
    return [value.requires_grad_() for value in values]


@pytest.mark.parametrize(
    ("kind", "targets"), list(product(["random", "plus", "minus"], [1, 2, 3, 8]))
)
def test_extreme_raw_outputs_have_finite_likelihood_and_gradient(family, kind, targets):
    logits, mu, raw = extreme(family, kind, 5, targets)
    mixture = GaussianMixture(logits.log_softmax(-1), mu.mT, family.scale(raw, targets))
    nll = -mixture.log_prob(torch.randn(64, targets)).mean()
    gradients = torch.autograd.grad(nll, [logits, mu, raw], allow_unused=True)
    assert torch.isfinite(nll)
    assert all(torch.isfinite(g).all() for g in gradients if g is not None)


def raw_gradients(family, y, raw, mu, logits):
    """Log density of y, and its gradient with respect to raw head outputs."""
    leaves = [t.clone().requires_grad_() for t in (logits, mu, raw)]
    scale = family.scale(leaves[2], y.shape[-1])
    value = GaussianMixture(leaves[0].log_softmax(-1), leaves[1], scale).log_prob(y)
    return value, torch.autograd.grad(value.sum(), leaves, materialize_grads=True)


def test_fifty_sigma_away_in_float32(family):
    raw, mu = random_raw(family, 9, components=3, targets=3), torch.randn(9, 3, 3).double()
    y = mu[:, 0] + 50 * family.scale(raw, 3).std[:, 0] * torch.tensor([1.0, -1, 1])
    exact = [y, raw, mu, torch.randn(9, 3).double()]
    value, gradients = raw_gradients(family, *exact)
    value32, gradients32 = raw_gradients(family, *(t.float() for t in exact))
    torch.testing.assert_close(value32.double(), value, rtol=1e-4, atol=0)
    for got, expected in zip(gradients32, gradients, strict=True):
        assert torch.isfinite(got).all()
        error = (got.double() - expected).abs()
        assert (error <= 1e-3 * expected.abs().amax() + 1e-6).all() if got.numel() else True


def four_sigma(samples):
    """Four standard errors of the mean over the first axis."""
    return 4 * samples.std(0) / math.sqrt(len(samples))


@pytest.mark.parametrize("targets", [1, 3])
def test_samples_have_the_moments_of_the_mixture(make_mixture, targets):
    mixture = make_mixture(2, targets=targets)
    y = mixture.sample([50, 400])
    assert y.shape == (50, 400, 2, targets)
    y = y.flatten(0, 1)
    away = y - mixture.mean
    products = away[..., :, None] * away[..., None, :]
    assert ((y.mean(0) - mixture.mean).abs() < four_sigma(y)).all()
    assert ((products.mean(0) - mixture.covariance).abs() < four_sigma(products)).all()


def test_a_sample_repeats_with_its_generator(make_mixture):
    mixture = make_mixture(3)
    first, again = (mixture.sample((4,), torch.Generator().manual_seed(1)) for _ in range(2))
    torch.testing.assert_close(first, again, rtol=0, atol=0)
    assert mixture.sample().shape == (3, 2)


def test_no_samples_have_the_shape_of_none(make_mixture):
    mixture = make_mixture(3, targets=2)
    assert mixture.sample((0,)).shape == (0, 3, 2)
    assert mixture.sample((4, 0)).shape == (4, 0, 3, 2)
    assert mixture[:0].sample((4,)).shape == (4, 0, 2)


def test_samples_choose_components_by_weight():
    mixture = one_target(log_pi=[math.log(0.9), math.log(0.1)], mu=[-5.0, 5.0], std=[1.0, 1.0])
    assert (mixture.sample([20_000]) > 0).double().mean() == pytest.approx(0.1, abs=0.01)


def test_rsample_of_one_component_moves_with_mean_and_factor(make_mixture):
    mixture = make_mixture(5, components=1, targets=3)
    mu = mixture.mu.clone().requires_grad_()
    moving = GaussianMixture(mixture.log_pi, mu, mixture.scale)
    y = moving.rsample((7,), torch.Generator().manual_seed(0))
    (gradient,) = torch.autograd.grad(y.sum(), mu)
    torch.testing.assert_close(gradient, torch.full_like(mu, 7.0))
    scaled = mixture.affine(torch.full((3,), 2.0).double(), torch.zeros(3).double())
    twice = scaled.rsample((7,), torch.Generator().manual_seed(0))
    torch.testing.assert_close(twice - 2 * mixture.mean, 2 * (y - mixture.mean))


def quantile(level, log_pi, mu, std):
    pi = np.exp(log_pi - logsumexp(log_pi))
    return brentq(lambda y: pi @ norm.cdf(y, mu, std) - level, -50, 50, xtol=1e-13)


def test_rsample_ofone_target_follows_the_quantile():
    """At a fixed level the sample is the quantile; its gradient is held against differences."""
    parameters = torch.tensor([[0.3, -0.2, 0.0], [-1.0, 0.4, 2.0], [0.5, 1.0, 0.3]])
    parameters = parameters.double().requires_grad_()
    log_pi, mu, std = parameters
    mixture = GaussianMixture(log_pi.log_softmax(-1), mu[:, None], DiagonalScale(std[:, None], 1))
    y = mixture.rsample((), torch.Generator().manual_seed(3))
    (gradient,) = torch.autograd.grad(y.sum(), parameters)
    values = parameters.detach().numpy()
    level = np.exp(values[0] - logsumexp(values[0])) @ norm.cdf(y.item(), *values[1:])
    for index in np.ndindex(*values.shape):
        step = np.zeros_like(values)
        step[index] = 1e-5
        difference = quantile(level, *(values + step)) - quantile(level, *(values - step))
        assert gradient[index].item() == pytest.approx(difference / 2e-5, rel=1e-6, abs=1e-9)


def test_rsample_where_no_gradient_exists_is_refused(make_mixture):
    with pytest.raises(ValueError, match="got 3 components and 2 targets; use sample"):
        make_mixture(targets=2).rsample()


@pytest.mark.parametrize("targets", [1, 3])
def test_the_distributions_object_is_the_same_mixture(make_mixture, targets):
    mixture = make_mixture(4, targets=targets)
    other = mixture.as_distribution()
    y = torch.randn(6, 4, targets, dtype=torch.float64)
    torch.testing.assert_close(other.log_prob(y), mixture.log_prob(y), rtol=1e-10, atol=1e-10)
    torch.testing.assert_close(other.mean, mixture.mean)


def test_expand_and_index_and_detach_and_to(make_mixture):
    one = make_mixture(targets=2)
    many = one.expand(3, 4)
    y = torch.randn(3, 4, 2, dtype=torch.float64)
    assert many.batch_shape == (3, 4)
    torch.testing.assert_close(many.log_prob(y), one.log_prob(y))
    torch.testing.assert_close(many[1].log_prob(y[1]), one.log_prob(y[1]))
    torch.testing.assert_close(many[1:].log_prob(y[1:]), one.log_prob(y[1:]))
    assert many.to(dtype=torch.float32).log_prob(y.float()).dtype == torch.float32
    assert not many.map(torch.Tensor.requires_grad_).detach().mu.requires_grad


@pytest.mark.parametrize("shared", [(), (1,), (1, 1)])
def test_a_scale_that_a_batch_shares_is_picked_and_repeated_with_it(shared):
    stored = torch.tensor([[2.0], [3.0]]).double().expand(*shared, 2, 1)
    mu, log_pi = torch.randn(4, 5, 2, 1).double(), torch.randn(4, 5, 2).double().log_softmax(-1)
    lean = GaussianMixture(log_pi, mu, DiagonalScale(stored, 1))
    whole = GaussianMixture(log_pi, mu, DiagonalScale(stored.expand(4, 5, 2, 1), 1))
    y = torch.randn(1).double()
    for change in (
        lambda m: m[1],
        lambda m: m[1:3, [0, 2]],
        lambda m: m.flatten()[7:9],
        lambda m: m.expand(3, 4, 5),
        lambda m: m.pool(),
        lambda m: m.prune(0.2),
    ):
        torch.testing.assert_close(change(lean).log_prob(y), change(whole).log_prob(y))

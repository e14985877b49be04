"""Against dense covariances in numpy, and against the joint density."""

from itertools import permutations

import numpy as np
import pytest
import torch
from scipy.integrate import quad
from scipy.special import softmax
from scipy.stats import multivariate_normal

from mdn.distributions.mixture import GaussianMixture

ORDERS = [
    (d, dims) for d in (2, 3, 4) for size in (1, 2, 3) for dims in permutations(range(d), size)
]
SOME = ORDERS[::5]


def components_of(mixture):
    """(index, pi, mean, covariance) of each component of each mixture, in numpy."""
    covariance = mixture.scale.covariance().expand(*mixture.mu.shape, -1).numpy()
    for row in np.ndindex(*mixture.batch_shape):
        for k in range(mixture.num_components):
            at = (*row, k)
            cov = covariance[at]
            yield at, mixture.pi[at].item(), mixture.mu[at].numpy(), cov


@pytest.mark.parametrize(("targets", "dims"), SOME)
def test_marginal_picks_rows_and_columns(make_mixture, targets, dims):
    mixture = make_mixture(2, targets=targets)
    marginal, dims = mixture.marginal(dims), list(dims)
    for at, pi, mu, cov in components_of(mixture):
        got = marginal.scale.covariance().expand(*marginal.mu.shape, -1)[at].numpy()
        np.testing.assert_allclose(got, cov[np.ix_(dims, dims)], rtol=1e-10, atol=1e-12)
        np.testing.assert_array_equal(marginal.mu[at].numpy(), mu[dims])
        assert marginal.pi[at].item() == pi


def test_marginal_is_the_integral_of_the_joint(make_mixture):
    mixture = make_mixture(targets=2)
    for d in (0, 1):

        def joint(other, d=d):
            y = torch.tensor([0.3, 0.3], dtype=torch.float64)
            y[1 - d] = other
            return mixture.log_prob(y).exp().item()

        integral = quad(joint, -40, 40, points=mixture.mu[:, 1 - d].tolist(), limit=200)[0]
        at = torch.tensor([0.3], dtype=torch.float64)
        assert mixture.marginal([d]).log_prob(at).exp().item() == pytest.approx(integral, rel=1e-6)


@pytest.mark.parametrize(("targets", "dims"), [(d, v) for d, v in SOME if len(v) < d])
def test_conditional_is_the_schur_complement(make_mixture, targets, dims):
    mixture = make_mixture(2, targets=targets)
    values = torch.randn(2, len(dims), dtype=torch.float64)
    conditional, given = mixture.condition(dims, values), list(dims)
    kept = [d for d in range(targets) if d not in dims]
    weight = np.zeros((2, 3))
    for (row, k), pi, mu, cov in components_of(mixture):
        y = values[row].numpy()
        gain = cov[np.ix_(kept, given)] @ np.linalg.inv(cov[np.ix_(given, given)])
        mean = mu[kept] + gain @ (y - mu[given])
        np.testing.assert_allclose(conditional.mu[row, k].numpy(), mean, rtol=1e-8)
        schur = cov[np.ix_(kept, kept)] - gain @ cov[np.ix_(given, kept)]
        got = conditional.scale.covariance().expand(2, 3, -1, -1)[row, k].numpy()
        np.testing.assert_allclose(got, schur, rtol=1e-8, atol=1e-10)
        density = multivariate_normal(mu[given], cov[np.ix_(given, given)]).logpdf(y)
        weight[row, k] = np.log(pi) + density
    np.testing.assert_allclose(conditional.pi.numpy(), softmax(weight, -1), rtol=1e-8)


@pytest.mark.parametrize("dims", [(0,), (2,), (2, 0), (3, 1), (1, 3, 0)])
def test_joint_is_marginal_times_conditional(make_mixture, dims):
    """For many rows against one mixture, whose batch the values bring."""
    mixture = make_mixture(targets=4)
    y = torch.randn(5, 4, dtype=torch.float64)
    kept = [d for d in range(4) if d not in dims]
    conditional = mixture.condition(dims, y[:, list(dims)])
    product = mixture.marginal(dims).log_prob(y[:, list(dims)]) + conditional.log_prob(y[:, kept])
    torch.testing.assert_close(product, mixture.log_prob(y))
    assert conditional.batch_shape == (5,)
    torch.testing.assert_close(
        conditional[2:3].log_prob(y[2:3, kept]),
        product[2:3] - (mixture.marginal(dims).log_prob(y[2:3, list(dims)])),
    )


def test_conditional_far_from_every_component_stays_finite(make_mixture):
    mixture = make_mixture(targets=3).to(dtype=torch.float32)
    conditional = mixture.condition([1], torch.tensor([1e4]))
    assert conditional.mean.isfinite().all()


def test_projection(make_mixture):
    mixture = make_mixture(2, targets=3)
    direction = torch.tensor([0.5, -2.0, 1.0], dtype=torch.float64)
    projected = mixture.project(direction)
    for at, _, mu, cov in components_of(mixture):
        u = direction.numpy()
        assert projected.mu[at].item() == pytest.approx(u @ mu)
        assert projected.sigma[at].item() == pytest.approx((u @ cov @ u) ** 0.5)


def test_gradients_reach_every_parameter(make_mixture):
    mixture = make_mixture(targets=3)
    leaves = []

    def leaf(stored):
        leaves.append(stored.clone().requires_grad_())
        return leaves[-1]

    conditional = mixture.map(leaf).condition([2], torch.tensor([0.4], dtype=torch.float64))
    conditional.log_prob(torch.tensor([0.1, -0.3], dtype=torch.float64)).backward()
    assert all(stored.grad is not None and stored.grad.isfinite().all() for stored in leaves)


def test_wrong_targets_are_refused(make_mixture):
    mixture = make_mixture(targets=2)
    for dims in ([0, 0], [2], [-1]):
        with pytest.raises(ValueError, match="different targets from 0 to 1, got"):
            mixture.marginal(dims)
    with pytest.raises(ValueError, match="no target is left"):
        mixture.condition([1, 0], torch.zeros(2, dtype=torch.float64))
    assert isinstance(mixture.marginal([0]), GaussianMixture)


def test_given_nothing_the_mixture_is_itself(make_mixture):
    mixture = make_mixture(2, targets=3)
    y = torch.randn(5, 2, 3, dtype=torch.float64)
    for rows in ((2,), (5, 2)):
        given = mixture.condition([], torch.zeros(*rows, 0, dtype=torch.float64))
        assert given.batch_shape == rows
        torch.testing.assert_close(given.log_prob(y), mixture.log_prob(y), rtol=0, atol=0)


def test_numbers_that_do_not_fit_the_targets_are_refused(make_mixture):
    mixture = make_mixture(targets=3)
    for count in (1, 2, 4):
        with pytest.raises(ValueError, match=f"each of 3 targets, got shape .{count},"):
            mixture.project(torch.ones(count, dtype=torch.float64))
    for dims, count in (([], 1), ([0, 1], 1), ([0], 2)):
        with pytest.raises(ValueError, match="one number for each of dims"):
            mixture.condition(dims, torch.ones(count, dtype=torch.float64))

"""Marginals and conditionals of every family, in any order and however far out."""

from itertools import permutations

import pytest
import torch

ORDERS = [dims for size in (1, 2, 3, 4) for dims in permutations(range(4), size)]
SPLITS = [(0,), (2,), (3, 0), (1, 2), (2, 3, 0)]


def test_marginals_in_every_order_are_rows_and_columns_of_the_covariance(make_mixture):
    mixture = make_mixture(2, targets=4)
    dense = mixture.scale.covariance().expand(*mixture.mu.shape, -1)
    for dims in ORDERS:
        marginal, some = mixture.marginal(dims), list(dims)
        got = marginal.scale.covariance().expand(*marginal.mu.shape, -1)
        expected = dense[..., some, :][..., some]
        torch.testing.assert_close(got, expected, rtol=2e-11, atol=2e-11)


def test_densities_of_marginals_in_every_order_are_those_of_dense_gaussians(make_mixture):
    mixture = make_mixture(targets=4)
    dense = mixture.scale.covariance().expand(*mixture.mu.shape, -1)
    y = torch.randn(5, 4, dtype=torch.float64)
    for dims in ORDERS:
        some = list(dims)
        parts = torch.distributions.MultivariateNormal(
            mixture.mu[:, some], dense[:, some][..., some]
        )
        expected = (mixture.log_pi + parts.log_prob(y[:, None, some])).logsumexp(-1)
        got = mixture.marginal(dims).log_prob(y[:, some])
        torch.testing.assert_close(got, expected, rtol=2e-11, atol=2e-11)


@pytest.mark.parametrize("distance", [1e3, 1e6, 1e9, 1e12, 1e15, 1e18])
@pytest.mark.parametrize("dims", SPLITS)
def test_conditional_far_out_is_joint_less_marginal(make_mixture, dims, distance):
    """Far values of all targets, for the logs are then as large as their difference."""
    mixture = make_mixture(targets=4)
    y = distance * torch.randn(5, 4, dtype=torch.float64)
    some, rest = list(dims), [d for d in range(4) if d not in dims]
    conditional = mixture.condition(dims, y[:, some]).log_prob(y[:, rest])
    joint, marginal = mixture.log_prob(y), mixture.marginal(dims).log_prob(y[:, some])
    off = (conditional - (joint - marginal)).abs() / joint.abs()
    assert off.max() < 3e-12

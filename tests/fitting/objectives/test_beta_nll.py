"""The beta-NLL against its definition, finite differences and ordinary least squares."""

import pytest
import torch
from leaves import gradients, leaves, numbers, with_numbers
from torch.distributions import Normal

from mdn.distributions.mixture import GaussianMixture
from mdn.distributions.scale import DiagonalScale
from mdn.fitting.objectives import NLL, BetaNLL


def gaussian(make_mixture, targets, *batch):
    return make_mixture(*batch, components=1, targets=targets)


def conditionals(mixture, y):
    """Each target given those before it, from the dense covariance."""
    mu, covariance = mixture.mu.squeeze(-2), mixture.scale.covariance().squeeze(-3)
    for j in range(mixture.num_targets):
        known, across = covariance[..., :j, :j], covariance[..., j, :j, None]
        factor = torch.linalg.solve(known, across).squeeze(-1)
        mean = mu[..., j] + (factor * (y - mu)[..., :j]).sum(-1)
        variance = covariance[..., j, j] - (factor * across.squeeze(-1)).sum(-1)
        yield Normal(mean, variance.sqrt())


@pytest.mark.parametrize("targets", [1, 3])
@pytest.mark.parametrize("beta", [0.0, 0.5, 1.0])
def test_value_and_gradient_are_those_of_weighted_conditionals(make_mixture, beta, targets):
    mixture = gaussian(make_mixture, targets, 4)
    y = torch.randn(4, targets, dtype=torch.float64)
    weights = [given.variance**beta for given in conditionals(mixture, y)]

    def definition(free):
        terms = zip(weights, conditionals(free, y), strict=True)
        return sum(-weight * given.log_prob(y[..., j]) for j, (weight, given) in enumerate(terms))

    loss, nll = BetaNLL(beta)(mixture, y)
    torch.testing.assert_close(loss, definition(mixture))
    torch.testing.assert_close(nll, -mixture.log_prob(y))
    found = gradients(lambda m: BetaNLL(beta)(m, y)[0], mixture)
    torch.testing.assert_close(found, gradients(definition, mixture), rtol=1e-6, atol=1e-8)


def test_gradient_equals_finite_differences_with_the_weights_held(family, make_mixture):
    mixture = gaussian(make_mixture, 2)
    y, step = torch.randn(2, dtype=torch.float64), 1e-6
    std = mixture.scale.tril().diagonal(dim1=-2, dim2=-1)[0]

    def held(moved: GaussianMixture) -> float:
        z = torch.linalg.solve_triangular(
            moved.scale.tril()[0], (y - moved.mu[0])[:, None], upper=False
        )
        now = moved.scale.tril().diagonal(dim1=-2, dim2=-1)[0]
        return (std * (z[:, 0].square() / 2 + now.log())).sum().item()

    found = gradients(lambda m: BetaNLL(0.5)(m, y)[0], mixture)
    for which, by in list(enumerate(found))[1:]:
        for index in range(by.numel()):
            ends = []
            for sign in (-1, 1):
                moved = [v.clone() for v in numbers(mixture)]
                moved[which].view(-1)[index] += sign * step
                ends.append(held(with_numbers(mixture, *moved)))
            assert by.flatten()[index].item() == pytest.approx(
                (ends[1] - ends[0]) / (2 * step), rel=1e-5, abs=1e-7
            )


def test_beta_zero_is_the_likelihood(make_mixture):
    mixture, y = gaussian(make_mixture, 3, 4), torch.randn(4, 3, dtype=torch.float64)
    one, other = (gradients(lambda m, f=f: f(m, y)[0], mixture) for f in (BetaNLL(0.0), NLL()))
    torch.testing.assert_close(one[1:], other[1:])


def test_beta_one_pulls_at_the_mean_as_the_squared_error_does():
    mu, std = torch.randn(2, 9, 1, 3, dtype=torch.float64)
    mixture = leaves(GaussianMixture(mu[..., 0] * 0, mu, DiagonalScale(std.exp(), 3)))
    y = torch.randn(9, 3, dtype=torch.float64)
    BetaNLL(1.0)(mixture, y)[0].sum().backward()
    torch.testing.assert_close(mixture.mu.grad[:, 0], mixture.mu.detach()[:, 0] - y)


def test_several_components_are_refused(make_mixture):
    with pytest.raises(ValueError, match=r"one component, got 3; set `num_components=1`"):
        BetaNLL(0.5)(make_mixture(), torch.zeros(2, dtype=torch.float64))


@pytest.mark.parametrize("beta", [-0.1, 1.1, float("nan")])
def test_a_bad_power_is_refused(beta):
    with pytest.raises(ValueError, match="beta must be a number from 0 to 1, got"):
        BetaNLL(beta)

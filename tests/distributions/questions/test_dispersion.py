"""A mixture made wider about its mean."""

import pytest
import torch


@pytest.mark.parametrize("targets", [1, 2])
@pytest.mark.parametrize("factor", [0.6, 1.7])
def test_the_mean_stays_and_the_covariance_grows_by_the_square(make_mixture, targets, factor):
    """Mass, mean and covariance of the density itself, by quadrature."""
    mixture = make_mixture(components=3, targets=targets)
    wider = mixture.dispersed(factor)
    points = {1: 20_001, 2: 901}[targets]
    line = torch.linspace(-30, 30, points, dtype=torch.float64)
    y = torch.cartesian_prod(*[line] * targets).view(-1, targets)
    mass = wider.log_prob(y).exp() * (line[1] - line[0]) ** targets
    assert mass.sum().item() == pytest.approx(1, abs=1e-6)
    mean = mass @ y
    torch.testing.assert_close(mean, mixture.mean, atol=1e-5, rtol=0)
    covariance = (mass[:, None] * (y - mean)).T @ (y - mean)
    torch.testing.assert_close(covariance, factor**2 * mixture.covariance, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("targets", [1, 3])
def test_the_density_is_that_of_values_moved_towards_the_mean(make_mixture, targets):
    mixture, factor = make_mixture(5, components=4, targets=targets), 1.3
    y = torch.randn(7, 5, targets, dtype=torch.float64)
    nearer = mixture.mean + (y - mixture.mean) / factor
    expected = mixture.log_prob(nearer) - targets * torch.tensor(factor).double().log()
    torch.testing.assert_close(mixture.dispersed(factor).log_prob(y), expected)
    center = torch.randn(targets, dtype=torch.float64)
    nearer = center + (y - center) / factor
    expected = mixture.log_prob(nearer) - targets * torch.tensor(factor).double().log()
    torch.testing.assert_close(mixture.dispersed(factor, center).log_prob(y), expected)


def test_samples_of_the_wider_mixture_are_those_values(make_mixture):
    mixture = make_mixture(components=3, targets=2)
    moved = mixture.dispersed(2.0).sample((5,), torch.Generator().manual_seed(0))
    plain = mixture.sample((5,), torch.Generator().manual_seed(0))
    torch.testing.assert_close(moved, mixture.mean + 2 * (plain - mixture.mean))


@pytest.mark.parametrize("factor", [0.0, -1.0, float("nan"), float("inf")])
def test_a_factor_is_positive(make_mixture, factor):
    with pytest.raises(ValueError, match="multiplied by a positive number, got"):
        make_mixture(components=2).dispersed(factor)

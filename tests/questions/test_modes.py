"""Against maxima on fine grids and those that scipy climbs to."""

import pytest
import torch
from scipy.optimize import minimize

from mdn.families import Full
from mdn.mixture import GaussianMixture
from mdn.scale import DiagonalScale


def grid_maxima(mixture, grid):
    density = mixture.log_prob(grid[:, None])
    top = (density[1:-1] > density[:-2]) & (density[1:-1] > density[2:])
    return grid[1:-1][top]


@pytest.mark.parametrize("spread", [0.3, 1.0, 3.0])
def test_modes_of_one_target_are_all_the_maxima_of_a_grid(spread):
    log_pi = torch.randn(40, 5, dtype=torch.float64).log_softmax(-1)
    mu = spread * torch.randn(40, 5, 1, dtype=torch.float64)
    std = torch.rand(40, 5, 1, dtype=torch.float64) + 0.2
    mixture = GaussianMixture(log_pi, mu, DiagonalScale(std, 1))
    modes = mixture.modes()
    grid = torch.linspace(-15, 15, 15_001, dtype=torch.float64)
    for row in range(40):
        found = modes.y[row, modes.found[row]].squeeze(-1).sort().values
        torch.testing.assert_close(found, grid_maxima(mixture[row], grid), rtol=0, atol=2e-3)


@pytest.mark.parametrize("targets", [2, 3])
def test_modes_are_where_scipy_ends_from_every_mean(make_mixture, targets):
    mixture = make_mixture(2, components=3, targets=targets)
    modes = mixture.modes()
    for row in range(2):
        one, found = mixture[row], modes.y[row, modes.found[row]]

        def uphill(y, one=one):
            return -one.log_prob(torch.tensor(y)).item()

        options = {"xatol": 1e-6, "fatol": 1e-11, "maxiter": 5000, "maxfev": 5000}
        for start in one.mu:
            top = minimize(uphill, start.numpy(), method="Nelder-Mead", options=options).x
            nearest = (found - torch.tensor(top)).abs().amax(-1).min()
            assert nearest < 1e-4


def test_modes_come_highest_first_and_are_padded(make_mixture):
    mixture = make_mixture(2, 3, components=4, targets=2)
    modes = mixture.modes()
    assert modes.y.shape == (2, 3, 4, 2)
    assert modes.found[..., 0].all()
    assert (modes.log_prob[..., :-1] >= modes.log_prob[..., 1:]).all()
    assert (modes.y.isnan().all(-1) == ~modes.found).all()
    assert (modes.log_prob.isneginf() == ~modes.found).all()
    at = torch.where(modes.found[..., None], modes.y, 0)
    again = mixture.map(lambda stored: stored[:, :, None]).log_prob(at)
    torch.testing.assert_close(modes.log_prob[modes.found], again[modes.found])


def test_a_mean_on_a_saddle_is_no_mode():
    """The middle component sits where its wide neighbours' slopes cancel, in a valley."""
    mu = torch.tensor([[-2.0], [0.0], [2.0]], dtype=torch.float64)
    log_pi = torch.tensor([0.495, 0.01, 0.495], dtype=torch.float64).log()
    mixture = GaussianMixture(log_pi, mu, DiagonalScale(torch.full_like(mu, 0.9), 1))
    modes = mixture.modes()
    assert modes.found.sum() == 2
    assert modes.y[modes.found].abs().min() > 1.5


def test_components_that_coincide_share_a_mode():
    mu = torch.tensor([[1.0, 2.0], [1.0, 2.0], [1.0, 2.0]], dtype=torch.float64)
    log_pi = torch.zeros(3, dtype=torch.float64).log_softmax(-1)
    modes = GaussianMixture(log_pi, mu, DiagonalScale(mu[:, :1], 2)).modes()
    assert modes.found.tolist() == [True, False, False]
    torch.testing.assert_close(modes.y[0], mu[0])


def test_a_flat_top_is_still_a_mode():
    """At exactly two standard deviations apart the second derivative is zero."""
    mu = torch.tensor([[-1.0], [1.0]], dtype=torch.float64)
    log_pi = torch.zeros(2, dtype=torch.float64).log_softmax(-1)
    modes = GaussianMixture(log_pi, mu, DiagonalScale(torch.ones_like(mu), 1)).modes()
    assert modes.found[0]
    assert modes.y[modes.found].abs().max() < 0.1


def test_gradient_of_a_mode_is_implicit():
    family = Full(1e-3, factor="covariance")
    mu = torch.tensor([[0.0, 0.0], [1.5, -0.5]], dtype=torch.float64, requires_grad=True)
    raw = torch.randn(3, 2, dtype=torch.float64, requires_grad=True)
    logits = torch.tensor([1.0, 0.0], dtype=torch.float64, requires_grad=True)

    def highest(logits, mu, raw):
        modes = GaussianMixture(logits.log_softmax(-1), mu, family.scale(raw, 2)).modes()
        return modes.y[0], modes.log_prob[0]

    assert torch.autograd.gradcheck(highest, (logits, mu, raw), atol=1e-5)


def test_most_likely_component():
    log_pi = torch.tensor([[0.2, 0.5, 0.3], [0.6, 0.2, 0.2]], dtype=torch.float64).log()
    mu = torch.randn(2, 3, 2, dtype=torch.float64)
    component, mean = GaussianMixture(log_pi, mu, DiagonalScale(mu[..., :1].exp(), 2)).most_likely()
    assert component.tolist() == [1, 0]
    torch.testing.assert_close(mean, torch.stack([mu[0, 1], mu[1, 0]]))

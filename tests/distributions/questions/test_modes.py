"""Against maxima on fine grids and those that scipy climbs to."""

import math

import pytest
import torch
from scipy.optimize import minimize

from mdn.distributions.families import Full
from mdn.distributions.mixture import GaussianMixture
from mdn.distributions.scale import CovarianceFactor, DiagonalScale


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


def pool(rows, members, components, targets):
    """Networks that nearly agree, with equal components, weights of 0 and unequal scales."""
    shape = (rows, 1, components, targets)
    mu = 2 * torch.randn(shape, dtype=torch.float64)
    mu = mu + 0.2 * torch.randn(rows, members, components, targets, dtype=torch.float64)
    mu[:, 1] = mu[:, 0]
    std = torch.exp(0.5 * torch.randn(shape, dtype=torch.float64) - 1).expand_as(mu).clone()
    std[:, :, 0] *= 1e-2
    logits = torch.randn(rows, members, components, dtype=torch.float64)
    logits[:, 2, 1] = -torch.inf
    log_pi = logits.flatten(1).log_softmax(-1)
    return GaussianMixture(log_pi, mu.flatten(1, 2), DiagonalScale(std.flatten(1, 2), targets))


def test_modes_of_many_components_are_all_the_maxima_of_a_grid():
    mixture = pool(6, 8, 10, 1)
    modes = mixture.modes()
    grid = torch.linspace(-12, 12, 240_001, dtype=torch.float64)
    for row in range(6):
        found = modes.y[row, modes.found[row]].squeeze(-1).sort().values
        torch.testing.assert_close(found, grid_maxima(mixture[row], grid), rtol=0, atol=2e-4)


def test_modes_of_many_components_are_where_plain_steps_of_em_end():
    mixture = pool(3, 8, 6, 2)
    modes = mixture.modes()
    for row in range(3):
        one = mixture[row]
        y, precision = one.mu, one.sigma.square().reciprocal()
        for _ in range(5000):
            share = one.map(lambda v: v[None]).log_responsibilities(y).exp()
            y = (share @ (precision * one.mu)) / (share @ precision)
        found = modes.y[row, modes.found[row]]
        apart = torch.cdist(y, found)
        assert apart.amin(1).max() < 1e-5
        assert apart.amin(0).max() < 1e-5


def test_modes_do_not_depend_on_the_rows_beside_them(monkeypatch, make_mixture):
    mixture = make_mixture(7, components=4, targets=2)
    together = mixture.modes()
    monkeypatch.setattr("mdn.distributions.questions.ragged._NUMBERS_AT_ONCE", 70)
    for all_rows, parts in zip(together, mixture.modes(), strict=True):
        torch.testing.assert_close(all_rows, parts, equal_nan=True)
    for row in range(7):
        torch.testing.assert_close(together.y[row], mixture[row].modes().y, equal_nan=True)


def test_a_spike_beside_a_broad_top_is_a_mode_of_its_own():
    """Nearer than a hundredth of the broad standard deviation, and lower than the broad top."""
    mu = torch.tensor([[0.0], [5e-3]], dtype=torch.float64)
    std = torch.tensor([[1.0], [1e-4]], dtype=torch.float64)
    log_pi = torch.tensor([1 - 1e-9, 1e-9], dtype=torch.float64).log()
    modes = GaussianMixture(log_pi, mu, DiagonalScale(std, 1)).modes()
    assert modes.found.all()
    torch.testing.assert_close(modes.y, mu, rtol=0, atol=2e-5)


def test_no_mixtures_have_no_modes(make_mixture):
    modes = make_mixture(4, components=3, targets=2)[:0].modes()
    assert modes.y.shape == (0, 3, 2)
    assert modes.log_prob.shape == modes.found.shape == (0, 3)


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


def test_a_mixture_with_a_parameter_that_is_no_number_has_no_mode(make_mixture):
    mixture = make_mixture(3, components=4, targets=2)
    mu = mixture.mu.clone()
    mu[1, 2, 0] = torch.nan
    modes = GaussianMixture(mixture.log_pi, mu, mixture.scale).modes()
    assert modes.found.any(-1).tolist() == [True, False, True]
    assert modes.y[1].isnan().all()


def test_a_mean_on_a_saddle_is_no_mode():
    """The middle component sits where its wide neighbors' slopes cancel, in a valley."""
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


def test_gradients_of_rows_with_fewer_modes_are_those_of_the_row_alone():
    mu = torch.tensor([[[-2.0], [2.0], [0.0]], [[0.0], [0.5], [0.1]]], dtype=torch.float64)
    mu.requires_grad_()
    log_pi = torch.zeros(2, 3, dtype=torch.float64).log_softmax(-1)
    mixture = GaussianMixture(log_pi, mu, DiagonalScale(torch.full_like(mu, 0.6), 1))
    modes = mixture.modes()
    assert modes.found.sum(-1).tolist() == [3, 1]
    (together,) = torch.autograd.grad(modes.y[modes.found].square().sum(), mu)
    alone = [mixture[row].modes() for row in range(2)]
    loss = torch.stack([one.y[one.found].square().sum() for one in alone]).sum()
    (expected,) = torch.autograd.grad(loss, mu)
    assert expected.abs().max() > 0.1
    torch.testing.assert_close(together, expected)


def test_most_likely_component():
    log_pi = torch.tensor([[0.2, 0.5, 0.3], [0.6, 0.2, 0.2]], dtype=torch.float64).log()
    mu = torch.randn(2, 3, 2, dtype=torch.float64)
    component, mean = GaussianMixture(log_pi, mu, DiagonalScale(mu[..., :1].exp(), 2)).most_likely()
    assert component.tolist() == [1, 0]
    torch.testing.assert_close(mean, torch.stack([mu[0, 1], mu[1, 0]]))


@pytest.mark.parametrize("narrow", [1e-2, 1e-6, 1e-9, 1e-12])
def test_narrow_components_that_cross_have_modes_or_are_refused(narrow):
    tril = torch.tensor([[[1.0, 0], [1, narrow]], [[1, 0], [-1, narrow]]], dtype=torch.float64)
    mu = torch.tensor([[0.0, 0.0], [3.0, 1.0]], dtype=torch.float64)
    log_pi = torch.tensor([0.5, 0.5], dtype=torch.float64).log()
    mixture = GaussianMixture(log_pi, mu, CovarianceFactor.from_tril(tril))
    if narrow < 1e-8:
        with pytest.raises(ValueError, match="narrow in directions of their own"):
            mixture.modes()
    else:
        found = mixture.modes()
        torch.testing.assert_close(found.y.sort(0).values, mu, rtol=0, atol=narrow)
        peak = mixture.log_prob(mu).sort(descending=True).values
        torch.testing.assert_close(found.log_prob, peak, rtol=0, atol=1e-6)


@pytest.mark.parametrize("narrow", [1e-3, 1e-6, 1e-8, 1e-10])
def test_modes_of_strongly_correlated_targets(narrow):
    """With one factor A for all, the modes are A times those of uncorrelated targets."""
    tril = torch.tensor([[[1.0, 0.0], [1.0, narrow]]], dtype=torch.float64)
    apart = torch.tensor([[0.0, 0.0], [1.0, 0.5], [5.0, 5.0]], dtype=torch.float64)
    log_pi = torch.tensor([0.5, 0.3, 0.2], dtype=torch.float64).log()
    plain = GaussianMixture(log_pi, apart, DiagonalScale(torch.ones_like(apart[:, :1]), 2)).modes()
    scale = CovarianceFactor.from_tril(tril)
    got = GaussianMixture(log_pi, apart @ tril[0].mT, scale).modes()
    assert got.found.tolist() == plain.found.tolist() == [True, True, False]
    whitened = scale.whiten(got.y)
    # Means are rounded to eps, which is eps / narrow in deviations.
    atol = 1e-10 + 1e-15 / narrow
    torch.testing.assert_close(whitened[:2], plain.y[:2], rtol=0, atol=atol)
    expected = plain.log_prob[:2] - math.log(narrow)
    torch.testing.assert_close(got.log_prob[:2], expected, rtol=0, atol=atol)

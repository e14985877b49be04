"""First and second derivatives of every answer that has them, against finite differences."""

import pytest
import torch

from mdn import metrics
from mdn.distributions.mixture import GaussianMixture
from mdn.distributions.scale import CovarianceFactor, DiagonalScale

Y = torch.tensor([[0.3], [-1.2]], dtype=torch.float64)
DIRECTION = torch.tensor([0.6, -0.8], dtype=torch.float64)


def leaf(values) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float64, requires_grad=True)


ONE_TARGET = (leaf([0.3, -0.2, 0.4]), leaf([[-1.5], [0.5], [3.0]]), leaf([[0.5], [0.8], [0.4]]))
TWO_TARGETS = (
    leaf([0.3, -0.2]),
    leaf([[-2.0, 0.5], [1.5, -0.4]]),
    leaf([[0.7, 0.5], [0.9, 0.6]]),
    leaf([[0.3], [-0.2]]),
)


def one_target(logits, mu, std) -> GaussianMixture:
    return GaussianMixture(logits.log_softmax(-1), mu, DiagonalScale(std, 1))


def two_targets(logits, mu, diagonal, lower) -> GaussianMixture:
    return GaussianMixture(logits.log_softmax(-1), mu, CovarianceFactor(diagonal, lower))


def drawn(mixture):
    return mixture.rsample((4,), torch.Generator().manual_seed(1))


ANSWERS = {
    "log_prob": lambda m: m.log_prob(Y.expand(2, m.num_targets)),
    "log_responsibilities": lambda m: m.log_responsibilities(Y.expand(2, m.num_targets)),
    "cdf": lambda m: m.cdf(Y.expand(2, m.num_targets)),
    "log_cdf": lambda m: m.log_cdf(Y.expand(2, m.num_targets), upper=True),
    "mean": lambda m: m.mean,
    "std": lambda m: m.std,
    "covariance": lambda m: m.covariance,
    "median": lambda m: m.median,
    "quantile": lambda m: m.quantile([0.01, 0.3, 0.97]),
    "interval": lambda m: m.interval(0.8),
    "expected_shortfall": lambda m: m.expected_shortfall(0.1),
    "upper expected_shortfall": lambda m: m.expected_shortfall(0.7, upper=True),
    "modes, places": lambda m: m.modes().y[: m.num_components],
    "modes, densities": lambda m: m.modes().log_prob,
    "entropy_bounds": lambda m: m.entropy_bounds(),
    "kl_to": lambda m: m.kl_to(m.dispersed(1.3)),
    "crps": lambda m: metrics.crps(m, Y.expand(2, m.num_targets)),
    "energy_score": lambda m: metrics.energy_score(m, Y.expand(2, m.num_targets), 4),
    "rosenblatt": lambda m: metrics.rosenblatt(m, Y.expand(2, m.num_targets)),
    "grid_nll": lambda m: metrics.grid_nll(m, Y.expand(2, m.num_targets), [0.5] * m.num_targets),
}


@pytest.mark.parametrize("name", ANSWERS)
def test_one_target(name):
    def answer(*leaves):
        return ANSWERS[name](one_target(*leaves))

    assert torch.autograd.gradcheck(answer, ONE_TARGET)
    assert torch.autograd.gradgradcheck(answer, ONE_TARGET, atol=1e-4)


@pytest.mark.parametrize("name", ANSWERS)
def test_two_targets(name):
    def answer(*leaves):
        return ANSWERS[name](two_targets(*leaves))

    assert torch.autograd.gradcheck(answer, TWO_TARGETS)
    assert torch.autograd.gradgradcheck(answer, TWO_TARGETS, atol=1e-4)


def test_a_quantile_in_its_level():
    def answer(p, *leaves):
        return one_target(*leaves).icdf(p), one_target(*leaves).icdf(p, upper=True)

    p = leaf([[0.02], [0.4], [0.93]])
    assert torch.autograd.gradcheck(answer, (p, *ONE_TARGET), atol=1e-4)
    assert torch.autograd.gradgradcheck(answer, (p, *ONE_TARGET), atol=1e-3)


def test_a_sample_moves_as_the_quantile_at_its_level():
    y = drawn(one_target(*ONE_TARGET))
    level = one_target(*ONE_TARGET).cdf(y).detach()
    quantile = one_target(*ONE_TARGET).icdf(level)
    for of in (y, quantile):
        torch.testing.assert_close(of, y)
    first, other = (
        torch.autograd.grad(of.square().sum(), ONE_TARGET, create_graph=True)
        for of in (y, quantile)
    )
    torch.testing.assert_close(first, other)
    second, other = (
        torch.autograd.grad(sum((g * g).sum() for g in gradients), ONE_TARGET)
        for gradients in (first, other)
    )
    torch.testing.assert_close(second, other)


def test_the_second_derivative_of_a_quantile_by_hand():
    """For one component q = mu + sigma z: no second derivative in either."""
    mu, std = leaf([[0.2]]), leaf([[1.5]])
    quantile = one_target(leaf([0.0]), mu, std).quantile(0.3)
    gradients = torch.autograd.grad(quantile.sum(), (mu, std), create_graph=True)
    assert gradients[0].item() == pytest.approx(1)
    assert gradients[1].item() == pytest.approx(-0.5244005127)
    total = sum(g.sum() for g in gradients)
    for second in torch.autograd.grad(total, (mu, std)):
        assert second.abs().item() < 1e-12


@pytest.mark.parametrize("level", [1e-300, 1e-40, 1 - 1e-12])
def test_far_tails_have_the_derivatives_of_the_component_that_reaches_them(level):
    """There p = pi_1 Phi((q - mu_1) / sigma_1): q is linear in mu_1 and sigma_1."""
    mu, std = leaf([[-1.0], [2.0]]), leaf([[1.0], [0.1]])
    quantile = one_target(leaf([0.0, 0.0]), mu, std).quantile(level)
    z = (quantile.item() - mu[0].item()) / std[0].item()
    gradients = torch.autograd.grad(quantile.sum(), (mu, std), create_graph=True)
    for got, expected in zip(gradients, (1.0, z), strict=True):
        torch.testing.assert_close(got, got.new_tensor([[expected], [0.0]]))
    second = torch.autograd.grad(sum(g.sum() for g in gradients), (mu, std))
    assert all(g.abs().max() < 1e-6 for g in second)


def test_a_quantile_at_infinity_is_moved_by_nothing():
    quantile = one_target(*ONE_TARGET).quantile([0.0, 1.0])
    assert quantile.isinf().all()
    for gradient in torch.autograd.grad(quantile.sum(), ONE_TARGET[1:]):
        assert (gradient == 0).all()


def test_a_component_without_weight_leaves_the_derivatives_of_the_others():
    def quantile(mu, std, log_pi):
        mixture = GaussianMixture(torch.tensor(log_pi).double(), mu, DiagonalScale(std, 1))
        return mixture.quantile([0.1, 0.8]).squeeze(-1)

    mu, std = leaf([[0.2], [0.1]]), leaf([[1.5], [0.3]])
    for level in (0, 1):
        got = torch.autograd.grad(quantile(mu, std, [0.0, -torch.inf])[level], (mu, std))
        alone = torch.autograd.grad(quantile(mu[:1], std[:1], [0.0])[level], (mu, std))
        torch.testing.assert_close(got, alone)

"""The CRPS and energy-score terms against quadrature and samples, gradients included."""

import pytest
import torch
from leaves import gradients, leaves, numbers, with_numbers
from torch.autograd import gradcheck
from torch.distributions import Normal

from mdn.fitting.objectives import NLL, NLLWithCRPS


def brier(mixture, y):
    """The integral of (F(v) - 1{v >= y})^2 for one target, by Simpson's rule on either side."""
    total = 0.0
    for start, stop, above in ((-30.0, y.item(), 0.0), (y.item(), 30.0, 1.0)):
        v = torch.linspace(start, stop, 4001, dtype=torch.float64)
        cdf = (mixture.pi * Normal(mixture.mu[:, 0], mixture.sigma[:, 0]).cdf(v[:, None])).sum(-1)
        weight = torch.full_like(v, 2.0)
        weight[1::2], weight[0], weight[-1] = 4.0, 1.0, 1.0
        total = total + (weight * (cdf - above).square()).sum() * (stop - start) / 4000 / 3
    return total


def energy(mixture, first, second, y):
    """E |Y - y| - E |Y - Y'| / 2, from standard noise for every component and pair of them."""
    one, other = (mixture.mu + mixture.scale.color(noise) for noise in (first, second))
    to_value = (mixture.pi * (one - y).norm(dim=-1).mean(0)).sum()
    pairs = (one[:, :, None] - other[:, None]).norm(dim=-1).mean(0)
    return to_value - 0.5 * mixture.pi @ pairs @ mixture.pi


def on_simplex(loss):
    """Of log weights only what leaves their sum at one is compared."""

    def normalised(mixture):
        log_pi, *others = numbers(mixture)
        return loss(with_numbers(mixture, log_pi.log_softmax(-1), *others))

    return normalised


def test_with_one_target_it_is_the_definition_and_its_gradient(make_mixture):
    mixture, y = make_mixture(components=3, targets=1), torch.tensor([0.4], dtype=torch.float64)
    objective = NLLWithCRPS(weight=0.7, num_directions=8)

    def definition(free):
        return -free.log_prob(y) + 0.7 * brier(free, y)

    loss, nll = objective(leaves(mixture), y)
    torch.testing.assert_close(loss.detach(), definition(mixture), rtol=1e-7, atol=1e-7)
    torch.testing.assert_close(nll, -mixture.log_prob(y))
    assert not nll.requires_grad
    found = gradients(on_simplex(lambda m: objective(m, y)[0]), mixture)
    wanted = gradients(on_simplex(definition), mixture)
    torch.testing.assert_close(found, wanted, rtol=1e-5, atol=1e-6)


def test_with_several_targets_it_is_the_energy_score_and_its_gradient(make_mixture):
    mixture, y = make_mixture(components=2, targets=3), torch.randn(3, dtype=torch.float64)
    first, second = torch.randn(2, 100_000, 2, 3, dtype=torch.float64)
    objective = NLLWithCRPS(weight=2.0, num_directions=3000)

    def definition(free):
        return -free.log_prob(y) + 2.0 * energy(free, first, second, y)

    assert objective(mixture, y)[0].item() == pytest.approx(definition(mixture).item(), abs=0.02)
    found = gradients(on_simplex(lambda m: objective(m, y)[0]), mixture)
    wanted = gradients(on_simplex(definition), mixture)
    torch.testing.assert_close(found, wanted, rtol=0.03, atol=0.03)


@pytest.mark.parametrize("targets", [1, 2])
def test_gradient_equals_finite_differences(make_mixture, targets):
    mixture = make_mixture(2, components=2, targets=targets)
    y = torch.randn(2, targets, dtype=torch.float64)

    def loss(*values):
        torch.manual_seed(0)  # the same directions
        return NLLWithCRPS(1.0, 4)(with_numbers(mixture, *values), y)[0]

    assert gradcheck(loss, numbers(leaves(mixture)))


def test_directions_are_drawn_anew_and_can_be_repeated(make_mixture):
    mixture, y = make_mixture(3), torch.randn(3, 2, dtype=torch.float64)
    objective = NLLWithCRPS(1.0, 2)
    one, other = objective(mixture, y)[0], objective(mixture, y)[0]
    assert not torch.equal(one, other)
    torch.manual_seed(0)
    one = objective(mixture, y)[0]
    torch.manual_seed(0)
    torch.testing.assert_close(objective(mixture, y)[0], one, rtol=0, atol=0)


def test_of_no_weight_it_is_the_likelihood(make_mixture):
    mixture, y = make_mixture(2, 4), torch.randn(4, 2, dtype=torch.float64)
    torch.testing.assert_close(NLLWithCRPS(0.0, 4)(mixture, y)[0], NLL()(mixture, y)[0])


@pytest.mark.parametrize(
    ("weight", "directions", "message"),
    [(-1.0, 8, "weight must be a number of at least 0"), (1.0, 0, "num_directions must be")],
)
def test_bad_numbers_are_refused(weight, directions, message):
    with pytest.raises(ValueError, match=message):
        NLLWithCRPS(weight, directions)

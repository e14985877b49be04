"""The natural gradient against dense Fisher information, and against exact EM."""

import pytest
import torch
from leaves import gradients, leaves, numbers, with_numbers
from torch import distributions
from torch.autograd.functional import hessian, jvp

from mdn.distributions.mixture import GaussianMixture
from mdn.distributions.scale import TriangularScale
from mdn.fitting.objectives import NLL, NaturalGradientEM


def loss_of(objective, y):
    return lambda mixture: objective(mixture, y)[0]


def in_natural_coordinates(mixture, gradient):
    """A gradient with respect to mu, log std and lower entries, as one vector."""
    _, by_mu, by_std, *by_lower = gradient
    by = [by_mu, by_std * mixture.scale.tensors()[0], *by_lower]
    return torch.cat([v.flatten() for v in by])


def natural_coordinates(mixture):
    """mu, log std and lower entries as one vector, and the way back."""
    _, mu, std, *lower = numbers(mixture)
    start = [mu, std.log(), *lower]
    sizes, shapes = [v.numel() for v in start], [v.shape for v in start]

    def rebuild(vector):
        parts = [v.reshape(s) for v, s in zip(vector.split(sizes), shapes, strict=True)]
        return with_numbers(mixture, mixture.log_pi, parts[0], parts[1].exp(), *parts[2:])

    return torch.cat([v.flatten() for v in start]), rebuild


def components(mixture: GaussianMixture) -> distributions.MultivariateNormal:
    covariance = mixture.scale.covariance().expand(*mixture.mu.shape, mixture.num_targets)
    return distributions.MultivariateNormal(mixture.mu, covariance)


def fisher_information(mixture, share):
    """The curvature of the divergence of the components, each counted by its share."""
    here, (start, rebuild) = components(mixture), natural_coordinates(mixture)

    def divergence(vector):
        there = components(rebuild(vector))
        return (share * distributions.kl_divergence(here, there)).sum()

    return hessian(divergence, start)


SIZES = [(1, 1), (1, 3), (3, 1), (3, 2), (2, 4)]


@pytest.mark.parametrize(("count", "targets"), SIZES)
def test_it_is_the_inverse_fisher_information_times_the_gradient(make_mixture, count, targets):
    mixture = make_mixture(components=count, targets=targets)
    y = torch.randn(targets, dtype=torch.float64)
    plain, natural = (
        in_natural_coordinates(mixture, gradients(loss_of(objective, y), mixture))
        for objective in (NLL(), NaturalGradientEM(damping=0.0))
    )
    fisher = fisher_information(mixture, mixture.pi)
    known = fisher.diagonal() != 0  # nothing is known of a constant scale, nor learnt
    assert known[: count * targets].all()
    wanted = torch.linalg.solve(fisher[known][:, known], plain[known])
    torch.testing.assert_close(natural[known], wanted, rtol=1e-7, atol=1e-9)


def test_damping_adds_to_the_weight_of_a_component(make_mixture):
    mixture, damping = make_mixture(components=3, targets=2), 0.3
    y = torch.randn(2, dtype=torch.float64)
    plain, damped = (
        gradients(loss_of(objective, y), mixture)[1]
        for objective in (NLL(), NaturalGradientEM(damping))
    )
    covariance = components(mixture).covariance_matrix
    information = ((mixture.pi + damping) / (1 + damping))[:, None, None] * covariance.inverse()
    torch.testing.assert_close(damped, torch.linalg.solve(information, plain))


def rows_with_settled_weights(mixture, rows=200):
    """Rows, and the mixture with the weights at which EM leaves them: mean responsibilities."""
    mixture = with_numbers(mixture, mixture.log_pi, 3 * mixture.mu, *mixture.scale.tensors())
    y = mixture.sample((rows,))
    for _ in range(200):
        r = mixture.log_responsibilities(y).exp()
        mixture = with_numbers(mixture, r.mean(0).log(), *numbers(mixture)[1:])
    return mixture, y, r


def test_a_whole_step_is_the_em_update_of_the_means(make_mixture):
    mixture, y, r = rows_with_settled_weights(make_mixture(components=2))
    loss = loss_of(NaturalGradientEM(damping=0.0), y)
    _, by_mu, *_ = gradients(lambda m: loss(m) / len(y), mixture)
    torch.testing.assert_close(mixture.mu - by_mu, (r.T @ y) / r.sum(0)[:, None])


def test_the_covariance_sets_out_towards_that_of_em(family, make_mixture):
    if not family.num_parameters(2, 2):
        pytest.skip("a constant covariance stays")
    mixture, y, r = rows_with_settled_weights(make_mixture(components=2))
    loss = loss_of(NaturalGradientEM(damping=0.0), y)
    step = -in_natural_coordinates(mixture, gradients(lambda m: loss(m) / len(y), mixture))
    start, rebuild = natural_coordinates(mixture)
    _, towards = jvp(lambda vector: rebuild(vector).scale.covariance(), start, step)
    residual = y[:, None] - mixture.mu
    scatter = torch.einsum("nk,nki,nkj->kij", r, residual, residual) / r.sum(0)[:, None, None]
    updated = family.project(scatter, mixture.pi).covariance()
    torch.testing.assert_close(towards, updated - mixture.scale.covariance(), rtol=1e-6, atol=1e-8)


def test_the_value_and_the_gradient_of_the_weights_are_those_of_the_likelihood(make_mixture):
    mixture, y = make_mixture(5), torch.randn(5, 2, dtype=torch.float64)
    value, nll = NaturalGradientEM(0.1)(leaves(mixture), y)
    torch.testing.assert_close(value, -mixture.log_prob(y))
    torch.testing.assert_close(nll, -mixture.log_prob(y))
    assert not nll.requires_grad
    plain, natural = (
        gradients(loss_of(objective, y), mixture)[0]
        for objective in (NLL(), NaturalGradientEM(0.1))
    )
    torch.testing.assert_close(natural, plain)


@pytest.mark.parametrize("batch", [(4,), (2, 4), ()])
def test_every_mixture_of_a_batch_is_on_its_own(make_mixture, batch):
    mixture, y = make_mixture(*batch), torch.randn(*batch, 2, dtype=torch.float64)
    loss = NaturalGradientEM(0.1)
    together = [g.reshape(-1, *g.shape[len(batch) :]) for g in gradients(loss_of(loss, y), mixture)]
    flat, rows = mixture.flatten(), y.reshape(-1, 2)
    for i, row in enumerate(rows):
        alone = gradients(loss_of(loss, row), flat[i])
        torch.testing.assert_close([g[i] for g in together], alone)


def test_a_component_of_no_weight_is_not_thrown_far(make_mixture):
    mixture = make_mixture(components=3)
    log_pi = torch.tensor([0.0, 0.0, -60.0], dtype=torch.float64).log_softmax(-1)
    mixture = with_numbers(mixture, log_pi, *numbers(mixture)[1:])
    y = mixture.mu[2] + 0.1 * torch.randn(2, dtype=torch.float64)
    found = gradients(loss_of(NaturalGradientEM(0.1), y), mixture)
    assert found[1][2].norm() <= 11 * (y - mixture.mu[2]).norm()
    assert all(g.isfinite().all() for g in found)


def test_descent_finds_the_gaussian_of_the_rows(family):
    y = torch.randn(500, 2, dtype=torch.float64) @ torch.tensor([[0.7, 0.5], [0.0, 0.4]]).double()
    raw = torch.zeros(family.raw_shape(1, 2), dtype=torch.float64).requires_grad_()
    mu = torch.ones(1, 2, dtype=torch.float64).requires_grad_()
    log_pi = torch.zeros(1, dtype=torch.float64)
    for _ in range(300):
        mixture = GaussianMixture(log_pi, mu, family.scale(raw, 2))
        loss = NaturalGradientEM(0.0)(mixture, y)[0].mean()
        by = torch.autograd.grad(loss, [mu, raw], allow_unused=True, materialize_grads=True)
        mu, raw = (p.detach() - 0.3 * g for p, g in zip((mu, raw), by, strict=True))
        mu.requires_grad_(), raw.requires_grad_()
    wanted = family.project(torch.cov(y.T, correction=0)[None], torch.ones(1).double())
    torch.testing.assert_close(mu[0].detach(), y.mean(0))
    found = family.scale(raw.detach(), 2).covariance()
    torch.testing.assert_close(found, wanted.covariance(), rtol=1e-5, atol=1e-7)


class Stretched(TriangularScale):
    """A kind of factor whose information is not written down."""

    from_tril = tril = _covariance_columns = TriangularScale.color  # pyright: ignore


def test_an_unknown_kind_of_scale_is_refused_by_name():
    scale = Stretched(torch.ones(1, 2), torch.zeros(1, 1))
    with pytest.raises(ValueError, match="of a Stretched is not known; write its natural_gradient"):
        scale.natural_gradient(scale.tensors())


@pytest.mark.parametrize("damping", [-0.1, float("nan"), float("inf")])
def test_bad_damping_is_refused(damping):
    with pytest.raises(ValueError, match=r"damping must be a number of at least 0, got"):
        NaturalGradientEM(damping)

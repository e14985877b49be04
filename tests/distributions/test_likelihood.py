"""The closed form against the plain formula, autograd and finite differences."""

from dataclasses import dataclass
from itertools import product

import pytest
import torch
from family_list import FAMILIES, random_raw
from torch.autograd import gradcheck, gradgradcheck

from mdn.distributions.families import Full
from mdn.distributions.likelihood import (
    component_log_prob,
    log_prob,
    log_prob_and_gradient,
    log_responsibilities,
    plain_log_prob,
)
from mdn.distributions.scale import Scale
from mdn.networks.head import MixtureHead


def parts(family, *batch, components=3, targets=3, rows=None):
    """y, log_pi, mu and the scale's tensors as leaves, with the way back to a scale."""
    raw = random_raw(family, *batch, components=components, targets=targets)
    scale = family.scale(raw, targets)
    tensors = [
        torch.randn(*(batch if rows is None else rows), targets),
        torch.randn(*batch, components).log_softmax(-1),
        torch.randn(*batch, components, targets),
        *scale.tensors(),
    ]
    return [t.double().requires_grad_() for t in tensors], scale


def call(function, scale: Scale, y, log_pi, mu, *stored):
    values = iter(stored)
    return function(y, log_pi, mu, scale.map(lambda _: next(values)))


def gradients(function, scale, tensors):
    value = call(function, scale, *tensors)
    above = torch.linspace(0.5, 2, value.numel(), dtype=value.dtype).reshape(value.shape)
    return value, *torch.autograd.grad(value, tensors, above, materialize_grads=True)


@pytest.mark.parametrize("targets", [1, 2, 3, 5])
def test_value_and_gradient_equal_those_of_autograd(family, targets):
    tensors, scale = parts(family, 7, targets=targets)
    got, expected = (gradients(f, scale, tensors) for f in (log_prob, plain_log_prob))
    torch.testing.assert_close(got, expected, rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize("targets", [1, 3])
def test_gradient_equals_finite_differences(family, targets):
    tensors, scale = parts(family, 2, targets=targets)
    assert gradcheck(lambda *t: call(log_prob, scale, *t), tensors)


def test_second_derivatives_equal_finite_differences(family):
    tensors, scale = parts(family, 2, components=2, targets=2)
    assert gradgradcheck(lambda *t: call(log_prob, scale, *t), tensors)


BATCHES = [((), ()), ((), (4,)), ((4,), ()), ((4,), (3, 4)), ((3, 1), (4,)), ((2, 3), (2, 3))]


@pytest.mark.parametrize(("batch", "rows"), BATCHES)
def test_rows_broadcast_against_the_batch(family, batch, rows):
    tensors, scale = parts(family, *batch, rows=rows)
    got, expected = (gradients(f, scale, tensors) for f in (log_prob, plain_log_prob))
    torch.testing.assert_close(got, expected, rtol=1e-9, atol=1e-10)


def targets_last(tensor):
    return tensor.contiguous()


def components_last(tensor):
    return tensor.mT.contiguous().mT if tensor.ndim > 2 else tensor


def rows_last(tensor):
    return tensor.movedim(0, -1).contiguous().movedim(-1, 0)


def one_row_for_all(tensor):
    return tensor[:1].expand_as(tensor)


LAYOUTS = [targets_last, components_last, rows_last, one_row_for_all]


@pytest.mark.parametrize("layout", LAYOUTS)
def test_any_layout_gives_the_same(family, layout):
    tensors, scale = parts(family, 5)
    tensors = [layout(t.detach()).requires_grad_() for t in tensors]
    got, expected = (gradients(f, scale, tensors) for f in (log_prob, plain_log_prob))
    torch.testing.assert_close(got, expected, rtol=1e-9, atol=1e-10)


def test_only_what_is_asked_for_gets_a_gradient(family):
    tensors, scale = parts(family, 5)
    for index in range(len(tensors)):
        alone = [t.detach() for t in tensors]
        alone[index].requires_grad_()
        got, expected = (
            torch.autograd.grad(call(f, scale, *alone).sum(), alone[index])
            for f in (log_prob, plain_log_prob)
        )
        torch.testing.assert_close(got, expected, rtol=1e-9, atol=1e-10)


def test_without_gradients_the_value_is_the_same(family):
    tensors, scale = parts(family, 5)
    expected = call(plain_log_prob, scale, *tensors)
    with torch.no_grad():
        torch.testing.assert_close(call(log_prob, scale, *tensors), expected)
        value = call(log_prob, scale, *tensors)
    assert not value.requires_grad
    detached = [t.detach() for t in tensors]
    torch.testing.assert_close(call(log_prob, scale, *detached), expected)


def test_gradients_can_be_taken_twice_from_one_value(family):
    tensors, scale = parts(family, 5)
    value = call(log_prob, scale, *tensors).sum()
    first = torch.autograd.grad(value, tensors, retain_graph=True, materialize_grads=True)
    again = torch.autograd.grad(value, tensors, materialize_grads=True)
    torch.testing.assert_close(first, again, rtol=0, atol=0)


def test_the_mixture_uses_the_closed_form(family, make_mixture):
    mixture = make_mixture(4).map(torch.Tensor.requires_grad_)
    value = mixture.log_prob(torch.randn(4, 2, dtype=torch.float64))
    assert type(value.grad_fn).__name__ == "_LogProbBackward"


def test_a_pruned_component_counts_for_nothing(family):
    tensors, scale = parts(family, 5)
    log_pi = torch.tensor([0.0, 0.0, -torch.inf], dtype=torch.float64).log_softmax(-1).expand(5, 3)
    tensors[1] = log_pi.clone().requires_grad_()
    got, expected = (gradients(f, scale, tensors) for f in (log_prob, plain_log_prob))
    torch.testing.assert_close(got, expected, rtol=1e-9, atol=1e-10)


def test_far_out_of_reach_the_value_is_finite(family):
    tensors, scale = parts(family, 5)
    tensors = [t.detach().float() for t in tensors]
    tensors[0] = torch.full_like(tensors[0], 1e25)
    assert torch.isfinite(call(log_prob, scale.map(torch.Tensor.float), *tensors)).all()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_floating_types_stay(family, dtype):
    tensors, scale = parts(family, 5)
    tensors = [t.detach().to(dtype).requires_grad_() for t in tensors]
    assert {t.dtype for t in gradients(log_prob, scale, tensors)} == {dtype}


def test_rows_of_another_floating_type_are_promoted(family):
    tensors, scale = parts(family, 5)
    tensors[1:] = [t.detach().float().requires_grad_() for t in tensors[1:]]
    value, *found = gradients(log_prob, scale, tensors)
    exact = [t.detach().double().requires_grad_() for t in tensors]
    expected, *_ = gradients(plain_log_prob, scale, exact)
    torch.testing.assert_close(value, expected, rtol=1e-5, atol=1e-5)
    assert [g.dtype for g in found] == [t.dtype for t in tensors]


@pytest.mark.parametrize(("batch", "rows"), BATCHES)
def test_responsibilities_are_shares_of_the_density(family, batch, rows):
    tensors, scale = parts(family, *batch, rows=rows)
    joint = tensors[1] + component_log_prob(tensors[0], tensors[2], scale)
    expected = joint - call(log_prob, scale, *tensors)[..., None]
    torch.testing.assert_close(call(log_responsibilities, scale, *tensors), expected)


def weighted(function, above):
    """The sum of `above` times a log density, of logits instead of log weights."""

    def sum_over_rows(y, logits, mu, scale):
        return (above * function(y, logits.log_softmax(-1), mu, scale)).sum()

    return sum_over_rows


def at_once(scale: Scale, tensors, above):
    """Value and gradients in one call, those expected of autograd, and what autograd was given."""
    y, *learned = tensors
    value = call(plain_log_prob, scale, y, learned[0].log_softmax(-1), *learned[1:])
    total = call(weighted(plain_log_prob, above), scale, y, *learned)
    expected = torch.autograd.grad(total, learned, materialize_grads=True)
    stored = iter(learned[2:])
    given = y, *learned[:2], scale.map(lambda _: next(stored))
    return log_prob_and_gradient(*given, above), (value, expected)


@pytest.mark.parametrize("targets", [1, 2, 3, 5])
@pytest.mark.parametrize(("batch", "rows"), BATCHES)
def test_at_once_it_equals_autograd_and_leaves_its_arguments(family, targets, batch, rows):
    tensors, scale = parts(family, *batch, targets=targets, rows=rows)
    before = [t.detach().clone() for t in tensors]
    shape = torch.broadcast_shapes(batch, rows)
    for above in (torch.randn(shape, dtype=torch.float64), torch.tensor(-0.3).double()):
        got, expected = at_once(scale, tensors, above)
        torch.testing.assert_close(got, expected, rtol=1e-9, atol=1e-10)
        assert not any(t.requires_grad for t in (got[0], *got[1]))
    torch.testing.assert_close([t.detach() for t in tensors], before, rtol=0, atol=0)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_at_once_any_layout_gives_the_same(family, layout):
    tensors, scale = parts(family, 5)
    tensors = [layout(t.detach()).requires_grad_() for t in tensors]
    above = torch.linspace(0.5, 2, 5, dtype=torch.float64)
    torch.testing.assert_close(*at_once(scale, tensors, above), rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize("targets", [1, 3])
def test_at_once_the_gradient_equals_finite_differences(family, targets):
    (y, *learned), scale = parts(family, 4, targets=targets)
    above = torch.linspace(-1, 2, 4, dtype=torch.float64)
    (_, found), _ = at_once(scale, (y, *learned), above)
    for index, gradient in enumerate(found):
        step = torch.randn_like(learned[index])
        ends = []
        for sign in (-1e-5, 1e-5):
            moved = [t + sign * step if i == index else t for i, t in enumerate(learned)]
            ends.append(call(weighted(plain_log_prob, above), scale, y, *moved))
        torch.testing.assert_close(
            (gradient * step).sum(), (ends[1] - ends[0]).detach() / 2e-5, rtol=1e-6, atol=1e-6
        )


def test_at_once_a_pruned_component_counts_for_nothing(family):
    tensors, scale = parts(family, 5)
    logits = tensors[1].detach().clone()
    logits[:, 2] = -torch.inf
    tensors[1] = logits.requires_grad_()
    torch.testing.assert_close(*at_once(scale, tensors, torch.ones(5).double()))


def test_at_once_far_out_of_reach_all_is_finite(family):
    tensors, scale = parts(family, 5)
    tensors = [t.detach().float().requires_grad_() for t in tensors]
    tensors[0] = torch.full_like(tensors[0], 1e15).detach()
    (value, found), _ = at_once(scale.map(torch.Tensor.float), tensors, torch.ones(5))
    assert all(t.isfinite().all() for t in (value, found[0]))


@dataclass(frozen=True, eq=False)
class Stretched(Scale):
    """A scale of a kind that has no closed form."""

    std_of_each: torch.Tensor
    num_targets: int = 2  # pyright: ignore

    def tril(self):
        return self.std_of_each.expand(*self.std_of_each.shape[:-1], self.num_targets).diag_embed()


def test_a_scale_without_a_closed_form_takes_the_plain_formula():
    tensors, scale = parts(FAMILIES["diagonal"], 5)
    other = Stretched(*scale.tensors(), scale.num_targets)
    got, expected = (gradients(log_prob, s, tensors) for s in (other, scale))
    torch.testing.assert_close(got, expected)
    torch.testing.assert_close(*at_once(other, tensors, torch.randn(5).double()))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize(("name", "targets"), list(product(FAMILIES, [1, 3])))
def test_on_cuda_without_synchronization(name, targets):
    tensors, scale = parts(FAMILIES[name], 7, targets=targets)
    moved = [t.detach().cuda().requires_grad_() for t in tensors]
    torch.cuda.set_sync_debug_mode("error")
    try:
        got = gradients(log_prob, scale, moved)
    finally:
        torch.cuda.set_sync_debug_mode("default")
    expected = gradients(log_prob, scale, tensors)
    torch.testing.assert_close([t.cpu() for t in got], list(expected))


@pytest.mark.parametrize("factor", ["covariance", "precision"])
def test_one_target_has_second_derivatives(factor):
    """What one target stores of correlations is nothing, and no part of its likelihood."""
    head = MixtureHead(2, 1, 3, Full(1e-3, factor)).double()
    x = torch.randn(4, 2, dtype=torch.float64, requires_grad=True)
    y = torch.randn(4, 1, dtype=torch.float64)
    assert torch.autograd.gradgradcheck(lambda x: head(x[None]).log_prob(y), x)

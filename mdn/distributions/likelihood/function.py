"""The closed form as a function that autograd knows."""

from collections.abc import Callable, Iterator, Sequence
from itertools import zip_longest
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from mdn.distributions.likelihood.axes import turn, turn_back, turned_shape
from mdn.distributions.likelihood.closed import (
    density,
    density_and_gradient,
    density_and_parts,
    gradient,
)
from mdn.distributions.likelihood.forms import FORMS, Form
from mdn.distributions.likelihood.plain import plain_log_prob
from mdn.distributions.likelihood.switch import Result, run
from mdn.distributions.scale import DiagonalScale, Scale


def log_prob(
    y: Float[Tensor, "*rows D"],
    log_pi: Float[Tensor, "*batch K"],
    mu: Float[Tensor, "*batch K D"],
    scale: Scale,
) -> Float[Tensor, "*out"]:
    """Log density of y under the mixture, in nats, in closed form together with its gradient.

    A scale without a closed form, and code that is itself being compiled or exported, get the
    plain formula. Transforms of `torch.func` do not see through this; they need `plain_log_prob`.
    """
    if type(scale) not in FORMS or torch.compiler.is_compiling():
        return plain_log_prob(y, log_pi, mu, scale)
    tensors = (y, log_pi, mu, *scale.tensors())
    if torch.is_grad_enabled() and any(tensor.requires_grad for tensor in tensors):
        return _LogProb.apply(scale, *tensors)  # pyright: ignore[reportReturnType]
    return _run(density, scale, tensors)


def log_prob_and_gradient(
    y: Float[Tensor, "*rows D"],
    logits: Float[Tensor, "*batch K"],
    mu: Float[Tensor, "*batch K D"],
    scale: Scale,
    above: Float[Tensor, "*shared_out"],
) -> tuple[Float[Tensor, "*out"], tuple[Tensor, ...]]:
    """Log density of y, in nats, and its gradient, in one call that autograd has no part in.

    Of a batch of hundreds of rows autograd takes half the time, and of any batch memory: what
    waits for a gradient from above cannot be worked on in place.

    Args:
        y: targets.
        logits: unnormalised log weights.
        mu: component means.
        scale: the factor of each component's covariance.
        above: what the log density of each row is multiplied by in the sum that is differentiated;
            one number may stand for all.

    Returns:
        The log density, and the gradients of logits, mu and each of `scale.tensors()`.
    """
    stored = scale.tensors()
    if type(scale) not in FORMS:
        return _by_autograd(y, logits, mu, scale, above)
    rank = max(y.ndim - 1, mu.ndim - 2)
    with torch.no_grad():
        inside = (turn(tensor, rank) for tensor in (mu, *stored) if tensor.shape[-1])
        given = turn(y.unsqueeze(-2), rank), above, turn(logits, rank, own=1), *inside
        log_prob, by_logits, *found = run(density_and_gradient, _form(scale), *given)
        outside = (
            torch.zeros_like(tensor) if by_inside is None else turn_back(by_inside, tensor.shape)
            for tensor, by_inside in zip_longest((mu, *stored), found)
        )
        return log_prob, (turn_back(by_logits, logits.shape, own=1), *outside)


class _LogProb(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, scale: Scale, *tensors: Tensor) -> Tensor:
        value, *parts = _run(density_and_parts, scale, tensors)
        ctx.scale = scale
        ctx.save_for_backward(*tensors, *parts)
        return value

    @staticmethod
    def backward(ctx: Any, above: Tensor) -> tuple[Tensor | None, ...]:  # pyright: ignore[reportIncompatibleMethodOverride]
        saved, wanted = ctx.saved_tensors, ctx.needs_input_grad[1:]
        tensors, parts = saved[: len(wanted)], saved[len(wanted) :]
        if torch.is_grad_enabled():
            return None, *_differentiable(above, ctx.scale, tensors)
        return None, *_gradient(above, ctx.scale, tensors, parts, wants_y=wanted[0])


def _form(scale: Scale) -> Form:
    # One target has no lower entries: every factor is its diagonal.
    return FORMS[type(scale) if scale.num_targets > 1 else DiagonalScale]


def _run(function: Callable[..., Result], scale: Scale, tensors: Sequence[Tensor]) -> Result:
    y, log_pi, mu, *stored = tensors
    rank = max(y.ndim - 1, mu.ndim - 2)
    inside = (turn(tensor, rank) for tensor in (mu, *stored) if tensor.shape[-1])
    given = turn(y.unsqueeze(-2), rank), turn(log_pi, rank, own=1), *inside
    return run(function, _form(scale), *given)


def _gradient(
    above: Tensor,
    scale: Scale,
    tensors: Sequence[Tensor],
    parts: tuple[Tensor, ...],
    wants_y: bool,
) -> Iterator[Tensor | None]:
    y, log_pi, mu, std, *lower = tensors
    shapes = [turned_shape(tensor, above.ndim) for tensor in lower if tensor.shape[-1]]
    y_in, mu_in, std_in = (turn(tensor, above.ndim) for tensor in (y.unsqueeze(-2), mu, std))
    inside = gradient(_form(scale), above, y_in, mu_in, std_in, parts, *shapes)
    by_log_pi, by_mu, *by_stored = inside
    yield turn_back(-by_mu.sum(1), y.shape, own=1) if wants_y else None
    yield turn_back(by_log_pi, log_pi.shape, own=1)
    for outside, found in zip_longest((mu, std, *lower), (by_mu, *by_stored)):
        yield None if found is None else turn_back(found, outside.shape)


def _by_autograd(
    y: Tensor, logits: Tensor, mu: Tensor, scale: Scale, above: Tensor
) -> tuple[Tensor, tuple[Tensor, ...]]:
    """As `log_prob_and_gradient`, from the plain formula."""
    with torch.enable_grad():
        leaves = [t.detach().requires_grad_() for t in (logits, mu, *scale.tensors())]
        values = iter(leaves[2:])
        scale = scale.map(lambda _: next(values))
        log_prob = plain_log_prob(y, leaves[0].log_softmax(-1), leaves[1], scale)
        total = (above * log_prob).sum()
        return log_prob.detach(), torch.autograd.grad(total, leaves, materialize_grads=True)


def _differentiable(
    above: Tensor, scale: Scale, tensors: Sequence[Tensor]
) -> Sequence[Tensor | None]:
    """The gradient from the plain formula, which can be differentiated again."""
    y, log_pi, mu, *stored = tensors
    values = iter(stored)
    value = plain_log_prob(y, log_pi, mu, scale.map(lambda _: next(values)))
    wanted = [tensor for tensor in tensors if tensor.requires_grad]
    # What one target stores of correlations is nothing, and no part of the value.
    found = iter(
        torch.autograd.grad(value, wanted, above, create_graph=True, materialize_grads=True)
    )
    return [next(found) if tensor.requires_grad else None for tensor in tensors]

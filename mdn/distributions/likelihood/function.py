"""The closed form as a function that autograd knows."""

from collections.abc import Callable, Iterator, Sequence
from itertools import zip_longest
from typing import TYPE_CHECKING, cast

import torch
from jaxtyping import Float
from torch import Tensor
from torch.autograd.function import FunctionCtx

from mdn.distributions.likelihood.axes import rows_first, rows_last, rows_last_shape
from mdn.distributions.likelihood.closed import (
    density,
    density_and_gradient,
    density_and_parts,
    gradient,
)
from mdn.distributions.likelihood.compilation import Result, run
from mdn.distributions.likelihood.formula import plain_log_prob
from mdn.distributions.scale import Scale
from mdn.distributions.substitution import Substitution


def log_prob(
    y: Float[Tensor, "*rows D"],
    log_pi: Float[Tensor, "*batch K"],
    mu: Float[Tensor, "*batch K D"],
    scale: Scale,
) -> Float[Tensor, "*out"]:
    """Return the log density of y, in nats, in closed form together with its gradient.

    A scale without a closed form, and code that is itself being compiled or exported, get the
    plain formula. Transforms of `torch.func` do not see through this; they need `plain_log_prob`.
    """
    substitution = scale.substitution
    if substitution is None or torch.compiler.is_compiling():
        return plain_log_prob(y, log_pi, mu, scale)
    tensors = (y, log_pi, mu, *scale.tensors())
    if torch.is_grad_enabled() and any(tensor.requires_grad for tensor in tensors):
        return cast(Tensor, _LogProb.apply(scale, substitution, *tensors))
    return _run(density, substitution, tensors)


def log_prob_and_gradient(
    y: Float[Tensor, "*rows D"],
    logits: Float[Tensor, "*batch K"],
    mu: Float[Tensor, "*batch K D"],
    scale: Scale,
    grad_output: Float[Tensor, "*shared_out"],
) -> tuple[Float[Tensor, "*out"], tuple[Tensor, ...]]:
    """Return the log density of y, in nats, and its gradient, in one call without autograd.

    On a batch of hundreds of rows autograd takes half the time, and on any batch memory: what
    waits for the gradient of the output cannot be worked on in place.

    Args:
        y: targets.
        logits: unnormalized log weights.
        mu: component means.
        scale: the factor of each component's covariance.
        grad_output: what the log density of each row is multiplied by in the sum that is
            differentiated; one number may stand for all.

    Returns:
        The log density, and the gradients of logits, mu and each of `scale.tensors()`.
    """
    stored, substitution = scale.tensors(), scale.substitution
    if substitution is None:
        return _by_autograd(y, logits, mu, scale, grad_output)
    rank = max(y.ndim - 1, mu.ndim - 2)
    with torch.no_grad():
        inside = [rows_last(tensor, rank) for tensor in (mu, *stored) if tensor.shape[-1]]
        y_inside, logits_inside = rows_last(y.unsqueeze(-2), rank), rows_last(logits, rank, 1)
        log_prob, grad_logits, *grads = run(
            density_and_gradient, substitution, y_inside, grad_output, logits_inside, *inside
        )
        outside = (
            torch.zeros_like(tensor) if grad is None else rows_first(grad, tensor.shape)
            for tensor, grad in zip_longest((mu, *stored), grads)
        )
        return log_prob, (rows_first(grad_logits, logits.shape, 1), *outside)


if TYPE_CHECKING:

    class _Context(FunctionCtx):
        scale: Scale
        substitution: Substitution
        saved_tensors: tuple[Tensor, ...]
        needs_input_grad: tuple[bool, ...]
else:
    _Context = object


class _LogProb(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: _Context, scale: Scale, substitution: Substitution, *tensors: Tensor
    ) -> Tensor:
        value, *parts = _run(density_and_parts, substitution, tensors)
        ctx.scale, ctx.substitution = scale, substitution
        ctx.save_for_backward(*tensors, *parts)
        return value

    @staticmethod
    def backward(ctx: _Context, *grad_outputs: Tensor) -> tuple[Tensor | None, ...]:
        (grad_output,) = grad_outputs
        saved, wanted = ctx.saved_tensors, ctx.needs_input_grad[2:]
        tensors, parts = saved[: len(wanted)], saved[len(wanted) :]
        if torch.is_grad_enabled():
            return None, None, *_differentiable(grad_output, ctx.scale, tensors)
        grads = _gradient(grad_output, ctx.substitution, tensors, parts, wants_y=wanted[0])
        return None, None, *grads


def _run(
    function: Callable[..., Result], substitution: Substitution, tensors: Sequence[Tensor]
) -> Result:
    y, log_pi, mu, *stored = tensors
    rank = max(y.ndim - 1, mu.ndim - 2)
    inside = (rows_last(tensor, rank) for tensor in (mu, *stored) if tensor.shape[-1])
    y_inside, log_pi_inside = rows_last(y.unsqueeze(-2), rank), rows_last(log_pi, rank, 1)
    return run(function, substitution, y_inside, log_pi_inside, *inside)


def _gradient(
    grad_output: Tensor,
    substitution: Substitution,
    tensors: Sequence[Tensor],
    parts: tuple[Tensor, ...],
    wants_y: bool,
) -> Iterator[Tensor | None]:
    y, log_pi, mu, std, *lower = tensors
    rank = grad_output.ndim
    shapes = [rows_last_shape(tensor, rank) for tensor in lower if tensor.shape[-1]]
    inside = [rows_last(tensor, rank) for tensor in (y.unsqueeze(-2), mu, std)]
    grad_log_pi, *grads = gradient(substitution, grad_output, *inside, parts=parts, lower=shapes)
    yield rows_first(-grads[0].sum(1), y.shape, 1) if wants_y else None
    yield rows_first(grad_log_pi, log_pi.shape, 1)
    for outside, grad in zip_longest((mu, std, *lower), grads):
        yield None if grad is None else rows_first(grad, outside.shape)


def _by_autograd(
    y: Tensor, logits: Tensor, mu: Tensor, scale: Scale, grad_output: Tensor
) -> tuple[Tensor, tuple[Tensor, ...]]:
    """As `log_prob_and_gradient`, from the plain formula."""
    with torch.enable_grad():
        leaves = [t.detach().requires_grad_() for t in (logits, mu, *scale.tensors())]
        values = iter(leaves[2:])
        scale = scale.map(lambda _: next(values))
        log_prob = plain_log_prob(y, leaves[0].log_softmax(-1), leaves[1], scale)
        total = (grad_output * log_prob).sum()
        return log_prob.detach(), torch.autograd.grad(total, leaves, materialize_grads=True)


def _differentiable(
    grad_output: Tensor, scale: Scale, tensors: Sequence[Tensor]
) -> Sequence[Tensor | None]:
    """The gradient from the plain formula, which can be differentiated again."""
    y, log_pi, mu, *stored = tensors
    values = iter(stored)
    value = plain_log_prob(y, log_pi, mu, scale.map(lambda _: next(values)))
    wanted = [tensor for tensor in tensors if tensor.requires_grad]
    # What one target stores of correlations is nothing, and no part of the value.
    found = iter(
        torch.autograd.grad(value, wanted, grad_output, create_graph=True, materialize_grads=True)
    )
    return [next(found) if tensor.requires_grad else None for tensor in tensors]

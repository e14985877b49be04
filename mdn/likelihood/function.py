"""The closed form as a function that autograd knows."""

from collections.abc import Callable, Iterator, Sequence
from itertools import zip_longest
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from mdn.likelihood.axes import turn, turn_back, turned_shape
from mdn.likelihood.closed import density, density_and_parts, gradient
from mdn.likelihood.forms import FORMS, Form
from mdn.likelihood.plain import plain_log_prob
from mdn.likelihood.switch import Result, run
from mdn.scale import DiagonalScale, Scale


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
    inside = gradient(_form(scale), above, turn(std, above.ndim), parts, *shapes)
    by_log_pi, by_mu, *by_stored = inside
    yield turn_back(-by_mu.sum(1), y.shape, own=1) if wants_y else None
    yield turn_back(by_log_pi, log_pi.shape, own=1)
    for outside, found in zip_longest((mu, std, *lower), (by_mu, *by_stored)):
        yield None if found is None else turn_back(found, outside.shape)


def _differentiable(
    above: Tensor, scale: Scale, tensors: Sequence[Tensor]
) -> Sequence[Tensor | None]:
    """The gradient from the plain formula, which can be differentiated again."""
    y, log_pi, mu, *stored = tensors
    values = iter(stored)
    value = plain_log_prob(y, log_pi, mu, scale.map(lambda _: next(values)))
    wanted = [tensor for tensor in tensors if tensor.requires_grad]
    found = iter(torch.autograd.grad(value, wanted, above, create_graph=True))
    return [next(found) if tensor.requires_grad else None for tensor in tensors]

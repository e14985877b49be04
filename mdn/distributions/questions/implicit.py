"""The derivatives of a quantile, any number of times.

F(y; theta) = p holds y at its level, so with phi_k the density of component k at y, z_k its
standardized distance and f = sum_k pi_k phi_k / sigma_k,

    dy = [dp - sum_k Phi(z_k) dpi_k + sum_k pi_k phi_k / sigma_k (dmu_k + z_k dsigma_k)] / f.

The coefficients are functions of y itself, so that they are differentiated in turn.
"""

import math
from typing import TYPE_CHECKING, cast

import torch
from torch import Tensor
from torch.autograd.function import FunctionCtx

from mdn.distributions import normal

# Standard deviations whose square is a number in every type.
_REACH = 1e8


def with_gradient(y: Tensor, p: Tensor, pi: Tensor, mu: Tensor, sigma: Tensor) -> Tensor:
    """Make y [*rows] a function of its level p [*rows] and the parameters [*rows, K]."""
    if not torch.is_grad_enabled() or not any(v.requires_grad for v in (p, pi, mu, sigma)):
        return y
    wide = torch.broadcast_tensors(y[..., None], p[..., None], pi, mu, sigma)
    level = p.expand(wide[0].shape[:-1])
    return cast(Tensor, _Implicit.apply(y.detach().expand_as(level), level, *wide[2:]))


if TYPE_CHECKING:

    class _Context(FunctionCtx):
        saved_tensors: tuple[Tensor, ...]
else:
    _Context = object


class _Implicit(torch.autograd.Function):
    @staticmethod
    def forward(y: Tensor, p: Tensor, pi: Tensor, mu: Tensor, sigma: Tensor) -> Tensor:
        return y.clone()

    @staticmethod
    def setup_context(ctx: _Context, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        ctx.save_for_backward(output, *inputs[2:])

    @staticmethod
    def backward(ctx: _Context, *grad_outputs: Tensor) -> tuple[Tensor | None, ...]:
        (grad,) = grad_outputs
        by_level, *by_parameters = _slopes(*ctx.saved_tensors)
        return None, grad * by_level, *(grad[..., None] * slope for slope in by_parameters)


def _slopes(y: Tensor, pi: Tensor, mu: Tensor, sigma: Tensor) -> tuple[Tensor, ...]:
    """Slopes of y in the level [*rows], and in weights, means and deviations [*rows, K]."""
    standard = ((y[..., None] - mu) / sigma).clamp(-_REACH, _REACH)
    height = normal.log_density(standard)
    # Densities are relative to the highest, which cancels, as far out they are hardly numbers.
    top = torch.where(pi > 0, height, -torch.inf).amax(-1, keepdim=True).detach()
    each = pi / sigma * (height - top).clamp(max=0).exp()
    total = each.sum(-1, keepdim=True)
    # Nothing moves a quantile at infinity.
    share = torch.where(y.isfinite()[..., None], each / total, 0.0)
    by_level = _bounded_exp(-top) / total
    by_weight = -_bounded_exp(torch.special.log_ndtr(standard) - top) / total
    return by_level.squeeze(-1), by_weight, share, share * standard


def _bounded_exp(power: Tensor) -> Tensor:
    """exp, large but finite in a gap without density, where a quantile jumps."""
    return power.clamp(max=0.9 * math.log(torch.finfo(power.dtype).max)).exp()

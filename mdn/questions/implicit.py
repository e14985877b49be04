"""The derivatives of a quantile, any number of times.

F(y; theta) = p holds y at its level, so with phi_k the density of component k at y, z_k its
standardised distance and f = sum_k pi_k phi_k / sigma_k,

    dy = [dp - sum_k Phi(z_k) dpi_k + sum_k pi_k phi_k / sigma_k (dmu_k + z_k dsigma_k)] / f.

The coefficients are functions of y itself, so that they are differentiated in turn.
"""

import math
from typing import Any

import torch
from torch import Tensor

from mdn import normal


def far(dtype: torch.dtype) -> float:
    """Standard deviations at which a normal density is hardly above the smallest number."""
    return math.sqrt(-2 * math.log(1e4 * torch.finfo(dtype).tiny))


def with_gradient(y: Tensor, p: Tensor, pi: Tensor, mu: Tensor, sigma: Tensor) -> Tensor:
    """The same y [*rows], as a function of its level p [*rows] and the parameters [*rows, K]."""
    if not torch.is_grad_enabled() or not any(v.requires_grad for v in (p, pi, mu, sigma)):
        return y
    wide = torch.broadcast_tensors(y[..., None], p[..., None], pi, mu, sigma)
    level = p.expand(wide[0].shape[:-1])
    return _Implicit.apply(y.detach().expand_as(level), level, *wide[2:])  # pyright: ignore[reportReturnType]


class _Implicit(torch.autograd.Function):
    @staticmethod
    def forward(y: Tensor, p: Tensor, pi: Tensor, mu: Tensor, sigma: Tensor) -> Tensor:
        return y.clone()

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        ctx.save_for_backward(output, *inputs[2:])

    @staticmethod
    def backward(ctx: Any, above: Tensor) -> tuple[Tensor | None, ...]:  # pyright: ignore[reportIncompatibleMethodOverride]
        by_level, *by_parameters = _slopes(*ctx.saved_tensors)
        return None, above * by_level, *(above[..., None] * slope for slope in by_parameters)


def _slopes(y: Tensor, pi: Tensor, mu: Tensor, sigma: Tensor) -> tuple[Tensor, ...]:
    """Slopes of y in the level [*rows], and in weights, means and deviations [*rows, K]."""
    # Numbers too small for their type are ten times as slow, and add nothing.
    standard = ((y[..., None] - mu) / sigma).clamp(-far(y.dtype), far(y.dtype))
    each = pi / sigma * normal.density(standard)
    stretch = each.sum(-1).clamp(min=torch.finfo(y.dtype).tiny).reciprocal()
    share = each * stretch[..., None]
    return stretch, -normal.cdf(standard) * stretch[..., None], share, share * standard

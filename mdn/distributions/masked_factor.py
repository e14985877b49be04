"""The factor of some targets of each row, where rows differ in the targets that they have.

With m a row's marks, 1 for a target that is there and 0 for one that is missing, and A the factor
of a covariance, orthogonalization gives

    diag(m) A = L U,    U U' = diag(m),

so that L, with ones put in the places of missing targets, is the factor of the covariance in which
those that are there keep theirs, and the missing ones are independent standard normals. Nothing is
multiplied out. With G the gradient of L, and S(X) the symmetric matrix with the lower triangle of
X, the gradient of A is diag(m) L^-T S(L' G) U (Seeger et al. 2017, arXiv 1710.08717).

Tensors are [D, D, K, *rows] inside, so that every operation runs along rows.
"""

from typing import TYPE_CHECKING, cast

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import FunctionCtx, once_differentiable

if TYPE_CHECKING:

    class _Context(FunctionCtx):
        saved_tensors: tuple[Tensor, ...]
else:
    _Context = object


def masked_factor(
    tril: Float[Tensor, "*batch K D D"], there: Bool[Tensor, "*rows D"]
) -> Float[Tensor, "*out K D D"]:
    """Return the factor in which missing targets are independent, with a standard deviation of 1.

    Args:
        tril: the factor of all targets, with a positive diagonal.
        there: which targets each row has; its leading axes broadcast against the batch.
    """
    batch = torch.broadcast_shapes(tril.shape[:-3], there.shape[:-1])
    dense = tril.expand(*batch, *tril.shape[-3:]).movedim((-2, -1, -3), (0, 1, 2)).contiguous()
    marks = there.expand(*batch, there.shape[-1]).movedim(-1, 0)[:, None].to(tril)
    factor = cast(Tensor, _MaskedFactor.apply(dense, marks))
    return factor.movedim((0, 1, 2), (-2, -1, -3))


class _MaskedFactor(Function):
    @staticmethod
    def forward(ctx: _Context, tril: Tensor, marks: Tensor) -> Tensor:
        factor, unit = _orthogonalized(tril * marks[:, None], 1 - marks)
        ctx.save_for_backward(factor, unit, marks)
        return factor

    @staticmethod
    def backward(ctx: _Context, *grad_outputs: Tensor) -> tuple[Tensor | None, ...]:
        return _gradient(*ctx.saved_tensors, grad_outputs[0]), None


def _orthogonalized(rows: Tensor, missing: Tensor) -> tuple[Tensor, Tensor]:
    """The factor L and the orthonormal rows U, by Gram-Schmidt in its modified order."""
    factor, unit = torch.zeros_like(rows), torch.zeros_like(rows)
    for j in range(len(rows)):
        # Row j has nothing beyond column j, nor has what is taken out of those after it.
        length = rows[j, : j + 1].square().sum(0).sqrt_() + missing[j]
        own = torch.div(rows[j, : j + 1], length, out=unit[j, : j + 1])
        factor[j, j] = length
        below = (rows[j + 1 :, : j + 1] * own).sum(1)
        factor[j + 1 :, j] = below
        rows[j + 1 :, : j + 1].addcmul_(below[:, None], own, value=-1)
    return factor, unit


@once_differentiable
def _gradient(factor: Tensor, unit: Tensor, marks: Tensor, grad_output: Tensor) -> Tensor:
    middle = _symmetric_product(factor, grad_output)
    for i in reversed(range(len(factor))):  # by back substitution in L'
        middle[i] -= (factor[i + 1 :, i, None] * middle[i + 1 :]).sum(0)
        middle[i] /= factor[i, i]
    gradient = torch.zeros_like(factor)
    for i in range(len(factor)):
        for j in range(i + 1):
            gradient[i, j] = (middle[i, j:] * unit[j:, j]).sum(0)
    return gradient * marks[:, None]


def _symmetric_product(factor: Tensor, grad_output: Tensor) -> Tensor:
    """S(L' G)."""
    product = torch.empty_like(factor)
    for i in range(len(factor)):
        for j in range(i + 1):
            product[i, j] = (factor[i:, i] * grad_output[i:, j]).sum(0)
            product[j, i] = product[i, j]
    return product

"""The factor of some targets of each row, where rows differ in the targets that they have.

With m a row's marks, 1 for a target that is there and 0 for one that is missing, and A the factor
of a covariance, orthogonalization gives

    diag(m) A = L U,    U U' = diag(m),

so that L, with ones put in the places of missing targets, is the factor of the covariance in which
those that are there keep theirs, and the missing ones are independent standard normals. Nothing is
multiplied out. With G the gradient of L, and S(X) the symmetric matrix with the lower triangle of
X, the gradient of A is diag(m) L^-T S(L' G) U (Seeger et al. 2017, arXiv 1710.08717).

Inside, tensors are [D, K, *rows] and [D, D, K, *rows], so that every operation runs along rows.
"""

from collections.abc import Iterator
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
    diagonal: Float[Tensor, "*batch K D"],
    lower: Float[Tensor, "*batch K P"],
    there: Bool[Tensor, "*rows D"],
) -> tuple[Float[Tensor, "*out K D"], Float[Tensor, "*out K P"]]:
    """Return the factor in which missing targets are independent, with a standard deviation of 1.

    Args:
        diagonal: of the factor of all targets; positive.
        lower: its strictly lower entries, packed column by column.
        there: which targets each row has; its leading axes broadcast against the batch.

    Returns:
        Diagonal and lower entries.
    """
    batch = torch.broadcast_shapes(diagonal.shape[:-2], there.shape[:-1])
    inside = (each.expand(*batch, *each.shape[-2:]) for each in (diagonal, lower))
    marks = there.expand(*batch, there.shape[-1]).movedim(-1, 0)[:, None].to(diagonal)
    packed = _MaskedFactor.apply(*(each.movedim((-1, -2), (0, 1)) for each in inside), marks)
    found = (each.movedim((0, 1), (-1, -2)) for each in cast(tuple[Tensor, Tensor], packed))
    return next(found), next(found)


class _MaskedFactor(Function):
    @staticmethod
    def forward(
        ctx: _Context, diagonal: Tensor, lower: Tensor, marks: Tensor
    ) -> tuple[Tensor, Tensor]:
        factor, unit = _orthogonalized(_dense(diagonal, lower).mul_(marks[:, None]), 1 - marks)
        ctx.save_for_backward(factor, unit, marks)
        return _packed(factor)

    @staticmethod
    def backward(ctx: _Context, *grad_outputs: Tensor) -> tuple[Tensor | None, ...]:
        factor, unit, marks = ctx.saved_tensors
        diagonal, lower = grad_outputs
        return *_gradient(factor, unit, marks, _dense(diagonal, lower)), None


def _dense(diagonal: Tensor, lower: Tensor) -> Tensor:
    targets = len(diagonal)
    dense = diagonal.new_zeros(targets, *diagonal.shape)
    for j, column in enumerate(_columns(lower, targets)):
        dense[j, j] = diagonal[j]
        dense[j + 1 :, j] = column
    return dense


def _packed(dense: Tensor) -> tuple[Tensor, Tensor]:
    targets = len(dense)
    lower = dense.new_empty(targets * (targets - 1) // 2, *dense.shape[2:])
    for j, column in enumerate(_columns(lower, targets)):
        column.copy_(dense[j + 1 :, j])
    return torch.stack([dense[j, j] for j in range(targets)]), lower


def _columns(lower: Tensor, targets: int) -> Iterator[Tensor]:
    yield from lower.split(list(range(targets - 1, -1, -1)))


def _orthogonalized(rows: Tensor, missing: Tensor) -> tuple[Tensor, Tensor]:
    """The factor L and the orthonormal rows U, by Gram-Schmidt in its modified order."""
    factor, unit = torch.zeros_like(rows), torch.zeros_like(rows)
    for j in range(len(rows)):
        # Row j has nothing beyond column j, nor has what is taken out of those after it.
        length = rows[j, : j + 1].square().sum(0).sqrt_().add_(missing[j])
        own = torch.div(rows[j, : j + 1], length, out=unit[j, : j + 1])
        factor[j, j] = length
        torch.sum(rows[j + 1 :, : j + 1] * own, 1, out=factor[j + 1 :, j])
        rows[j + 1 :, : j + 1].addcmul_(factor[j + 1 :, j, None], own, value=-1)
    return factor, unit


@once_differentiable
def _gradient(
    factor: Tensor, unit: Tensor, marks: Tensor, grad_output: Tensor
) -> tuple[Tensor, Tensor]:
    middle = _symmetric_product(factor, grad_output)
    for i in reversed(range(len(factor))):  # by back substitution in L'
        for k in range(i + 1, len(factor)):
            middle[i].addcmul_(factor[k, i], middle[k], value=-1)
        middle[i] /= factor[i, i]
    gradient = grad_output  # whose memory serves again
    for i in range(len(factor)):
        torch.sum(middle[i, :, None] * unit[:, : i + 1], 0, out=gradient[i, : i + 1])
    return _packed(gradient.mul_(marks[:, None]))


def _symmetric_product(factor: Tensor, grad_output: Tensor) -> Tensor:
    """S(L' G)."""
    product = torch.empty_like(factor)
    for i in range(len(factor)):
        torch.sum(factor[i:, i, None] * grad_output[i:, : i + 1], 0, out=product[i, : i + 1])
        product[:i, i] = product[i, :i]
    return product

"""Triangular factors: how they are found, and how they are solved.

`lower_factor` finds the factor of a product M M' without forming the product.

M = L Q with orthonormal rows in Q gives M M' = L L'. Gram-Schmidt in its modified order finds L
as accurately as Householder reflections do, with the square root of the condition number that a
Cholesky factorization of M M' would meet, and runs over whole batches with a loop over D only.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from mdn.distributions.normal import farthest


def lower_factor(
    matrix: Float[Tensor, "*batch D E"], floor: float = 0.0
) -> Float[Tensor, "*batch D D"]:
    """Return the lower triangular L with L L' = matrix matrix' and a diagonal of at least `floor`.

    L is exact for the product plus the smallest diagonal that the floor takes. Without a floor, a
    row that depends on those before it has a zero there and below it.
    """
    rows, columns = matrix, []
    for j in range(matrix.shape[-2]):
        length = norm(rows[..., :1, :])
        if floor:
            rows, length = _raised(rows, length, floor)
        unit = rows[..., 0, :] / torch.where(length > 0, length, 1)
        below = (rows[..., 1:, :] @ unit[..., None]).squeeze(-1)
        rows = rows[..., 1:, :] - below[..., :, None] * unit[..., None, :]
        columns.append(torch.cat([length.new_zeros(*length.shape[:-1], j), length, below], -1))
    return torch.stack(columns, -1)


def _raised(
    rows: Float[Tensor, "*batch D E"], length: Float[Tensor, "*batch 1"], floor: float
) -> tuple[Float[Tensor, "*batch D F"], Float[Tensor, "*batch 1"]]:
    """The first row raised to a length, in a direction of its own that no other has a part in."""
    missing = ((floor - length).clamp(min=0) * (floor + length)).sqrt()
    others = missing.new_zeros(*missing.shape[:-1], rows.shape[-2] - 1)
    own = torch.cat([missing, others], -1)[..., None]
    return torch.cat([rows, own], -1), length.clamp(min=floor)


def floored_cholesky(
    covariance: Float[Tensor, "*batch D D"], floor: float
) -> Float[Tensor, "*batch D D"]:
    """Return the Cholesky factor of a semi-definite matrix, no diagonal entry below `floor`.

    Where a pivot falls below floor^2 it is raised to it, so the result is the exact factor of the
    covariance plus the smallest diagonal that this takes. Singular matrices are welcome.
    """
    rest, columns = covariance, []
    for j in range(covariance.shape[-1]):
        pivot = rest[..., j, j].clamp(min=floor**2).sqrt()
        below = rest[..., j + 1 :, j] / pivot[..., None]
        above = rest.new_zeros(*rest.shape[:-2], j)
        column = torch.cat([above, pivot[..., None], below], -1)
        columns.append(column)
        rest = rest - column[..., :, None] * column[..., None, :]
    return torch.stack(columns, -1)


def solve_lower(
    tril: Float[Tensor, "*batch D D"],
    diagonal: Float[Tensor, "*batch D"],
    residual: Float[Tensor, "*rows D"],
) -> Float[Tensor, "*out D"]:
    """Return A^-1 residual for a triangular A, held at `farthest`.

    Args:
        tril: the entries below the diagonal of A; the others are not looked at.
        diagonal: the diagonal of A.
        residual: right-hand sides.
    """
    # Far outside any sensible range substitutions grow without bound.
    bound = farthest(residual.dtype)
    rest, solution = residual, []
    for j in range(diagonal.shape[-1]):
        solved = (rest[..., :1] / diagonal[..., j : j + 1]).clamp(-bound, bound)
        solution.append(solved)
        rest = rest[..., 1:] - tril[..., j + 1 :, j] * solved
    return torch.cat(solution, -1)


def norm(vectors: Float[Tensor, "*batch E"]) -> Float[Tensor, "*batch"]:
    """Return the Euclidean length, also where the squares of the entries over- or underflow."""
    largest = vectors.detach().abs().amax(-1, keepdim=True)
    unit = torch.where((largest > 0) & largest.isfinite(), largest, 1)
    return unit.squeeze(-1) * torch.linalg.vector_norm(vectors / unit, dim=-1)

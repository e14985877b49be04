"""The triangular factor of a product M M', found without forming the product.

M = L Q with orthonormal rows in Q gives M M' = L L'. Gram-Schmidt in its modified order finds L
as accurately as Householder reflections do, with the square root of the condition number that a
Cholesky factorisation of M M' would meet, and runs over whole batches with a loop over D only.
"""

import torch
from jaxtyping import Float
from torch import Tensor


def lower_factor(matrix: Float[Tensor, "*batch D E"]) -> Float[Tensor, "*batch D D"]:
    """The lower triangular L with positive diagonal and L L' = matrix matrix'; full row rank."""
    rows, columns = matrix, []
    for j in range(matrix.shape[-2]):
        length = torch.linalg.vector_norm(rows[..., :1, :], dim=-1)
        unit = rows[..., 0, :] / length
        below = (rows[..., 1:, :] @ unit[..., None]).squeeze(-1)
        rows = rows[..., 1:, :] - below[..., :, None] * unit[..., None, :]
        columns.append(torch.cat([length.new_zeros(*length.shape[:-1], j), length, below], -1))
    return torch.stack(columns, -1)

"""The strictly lower entries of a matrix as a vector, column by column."""

from jaxtyping import Float
from torch import Tensor


def lower_positions(num_targets: int) -> tuple[list[int], list[int]]:
    """Return row and column of each strictly lower entry, column by column."""
    pairs = [(i, j) for j in range(num_targets) for i in range(j + 1, num_targets)]
    return [i for i, _ in pairs], [j for _, j in pairs]


def lower_entries(matrix: Float[Tensor, "*batch D D"]) -> Float[Tensor, "*batch P"]:
    """Return the strictly lower entries of matrices."""
    rows, columns = lower_positions(matrix.shape[-1])
    return matrix[..., rows, columns]

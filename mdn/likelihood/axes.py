"""The axes of the closed form: [*batch, K, P] outside, [P, K, *rows] inside."""

from torch import Tensor


def turn(outside: Tensor, rank: int) -> Tensor:
    """[*batch, K, P] as [P, K, *rows], with axes of length 1 before *batch up to `rank` of them.

    Rows come out contiguous, or one row that stands for all.
    """
    batch = outside.ndim - 2
    inside = outside.permute(-1, -2, *range(batch))
    if rank > batch:
        inside = inside[(slice(None), slice(None), *(None,) * (rank - batch))]
    return inside if inside.stride(-1) <= 1 else inside.contiguous()


def turn_back(inside: Tensor, shape: tuple[int, ...]) -> Tensor:
    """[P, K, *rows] as [*batch, K, P], summed over what is shared in that shape."""
    outside = inside.permute(*range(2, inside.ndim), 1, 0)
    return outside if outside.shape == shape else outside.sum_to_size(shape)


def turned_shape(outside: Tensor, rank: int) -> tuple[int, ...]:
    """The shape that `turn` gives."""
    *batch, components, stored = outside.shape
    return (stored, components, *(1,) * (rank - len(batch)), *batch)

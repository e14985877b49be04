"""The axes of the closed form: [*batch, K, P] outside, [P, K, *rows] inside.

Weights and their gradient have only K: [*batch, K] and [K, *rows], where `trailing` is 1.
"""

from functools import cache

from torch import Tensor


def rows_last(outside: Tensor, rank: int, trailing: int = 2) -> Tensor:
    """Move axes from outside to inside, with axes of length 1 before *batch up to `rank` of them.

    Rows come out contiguous, or one row that stands for all.
    """
    batch = outside.ndim - trailing
    inside = outside.permute(_inside_order(trailing, batch))
    if rank > batch:
        inside = inside[(*(slice(None),) * trailing, *(None,) * (rank - batch))]
    return inside if inside.stride(-1) <= 1 else inside.contiguous()


def rows_first(inside: Tensor, shape: tuple[int, ...], trailing: int = 2) -> Tensor:
    """Move axes from inside to outside, summed over what is shared in that shape."""
    outside = inside.permute(_outside_order(trailing, inside.ndim))
    return outside if outside.shape == shape else outside.sum_to_size(shape)


def rows_last_shape(outside: Tensor, rank: int) -> tuple[int, ...]:
    """Return the shape that `rows_last` gives."""
    *batch, components, stored = outside.shape
    return (stored, components, *(1,) * (rank - len(batch)), *batch)


@cache
def _inside_order(trailing: int, batch: int) -> tuple[int, ...]:
    return (*range(-1, -1 - trailing, -1), *range(batch))


@cache
def _outside_order(trailing: int, ndim: int) -> tuple[int, ...]:
    return (*range(trailing, ndim), *range(trailing - 1, -1, -1))

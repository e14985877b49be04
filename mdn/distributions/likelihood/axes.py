"""The axes of the closed form: [*batch, K, P] outside, [P, K, *rows] inside.

What has only K, the weights and their gradient, is [*batch, K] and [K, *rows]: `own` is 1.
"""

from functools import cache

from torch import Tensor


def turn(outside: Tensor, rank: int, own: int = 2) -> Tensor:
    """From outside to inside, with axes of length 1 before *batch up to `rank` of them.

    Rows come out contiguous, or one row that stands for all.
    """
    batch = outside.ndim - own
    inside = outside.permute(_inside_order(own, batch))
    if rank > batch:
        inside = inside[(*(slice(None),) * own, *(None,) * (rank - batch))]
    return inside if inside.stride(-1) <= 1 else inside.contiguous()


def turn_back(inside: Tensor, shape: tuple[int, ...], own: int = 2) -> Tensor:
    """From inside to outside, summed over what is shared in that shape."""
    outside = inside.permute(_outside_order(own, inside.ndim))
    return outside if outside.shape == shape else outside.sum_to_size(shape)


def turned_shape(outside: Tensor, rank: int) -> tuple[int, ...]:
    """The shape that `turn` gives."""
    *batch, components, stored = outside.shape
    return (stored, components, *(1,) * (rank - len(batch)), *batch)


@cache
def _inside_order(own: int, batch: int) -> tuple[int, ...]:
    return (*range(-1, -1 - own, -1), *range(batch))


@cache
def _outside_order(own: int, ndim: int) -> tuple[int, ...]:
    return (*range(own, ndim), *range(own - 1, -1, -1))

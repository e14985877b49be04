"""Rows that hold different numbers of things, such as modes, in arrays of one width."""

from jaxtyping import Bool, Shaped
from torch import Tensor
from torch.nn.functional import pad

_NUMBERS_AT_ONCE = 2**20


def split(rows: int, numbers: int) -> list[slice]:
    """Split rows into parts, for work on so many numbers a row; at least one part."""
    at_once = max(1, _NUMBERS_AT_ONCE // numbers)
    return [slice(start, start + at_once) for start in range(0, max(1, rows), at_once)]


def most(held: Bool[Tensor, "R S"]) -> int:
    """Return the most that a row holds; at least one."""
    return max([1, *held.count_nonzero(-1).tolist()])


def in_front(held: Bool[Tensor, "R S"]) -> Shaped[Tensor, "R M"]:
    """Return the places each row holds, in order, then other places up to the most."""
    return (~held).byte().argsort(dim=-1, stable=True)[:, : most(held)]


def widen(values: Shaped[Tensor, "R S *rest"], places: int, fill: float) -> Tensor:
    """Fill rows up to so many places."""
    return pad(values, (0, 0) * (values.ndim - 2) + (0, places - values.shape[1]), value=fill)

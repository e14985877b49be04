"""The rows that each member of an ensemble learns from, and those that it holds out.

Where rows have folds, a row weighs nothing for the members that hold it out. A batch to validate on
then has rows of its own for each member, so that a pass over all of them costs as much as one pass
of one network over all rows.
"""

import torch
from jaxtyping import Bool, Float64, Int64, Shaped
from torch import Tensor

from mdn.data.batches import Batches, Share
from mdn.data.splits.folds import FOLD, FOLDS
from mdn.data.table import Table


def fold_of_members(members: int) -> Int64[Tensor, " M"]:
    """Return the fold that each member holds out."""
    return torch.arange(members) % FOLDS


def weight_by_member(table: Table, members: int) -> Shaped[Tensor, " N *M"] | None:
    """Return how often each row counts for each member; one number a row without folds.

    True stands for once, and None for once for all members.
    """
    if FOLD not in table.marks:
        return table.weight
    learns = table.marks[FOLD][:, None] != fold_of_members(members)
    return learns if table.weight is None else learns * table.weight[:, None]


def of_member(weight: Shaped[Tensor, " N *M"] | None, member: int) -> Float64[Tensor, " N"] | None:
    """Return how often each row counts for one member."""
    return weight if weight is None or weight.ndim == 1 else weight[:, member].double()


def rows_held_out(table: Table, members: int) -> Table:
    """Return the rows that some member holds out: all, where there are as many as folds."""
    if members >= FOLDS:
        return table
    return table[(table.marks[FOLD] < members).nonzero().squeeze(-1)]


def learned_batches(
    table: Table, members: int, batch_size: int, seed: int, share: Share
) -> Batches:
    """Return batches (x, y, weight [B, M]) to learn from, of rows that have folds."""
    weight = weight_by_member(table, members)
    assert weight is not None
    return _batches([table.x, table.y, weight], batch_size, seed, share)


def held_out_batches(table: Table, members: int, batch_size: int, share: Share) -> Batches:
    """Return batches (x [B, M, P], y [B, M, D], weight [B, M]) of what each member holds out.

    Folds differ in size by a few rows; smaller ones repeat their first row with weight 0.
    """
    rows, there = held_out_rows(table, members)
    weight = there if table.weight is None else there * table.weight[rows]
    size = -(-batch_size // members)
    return _batches([table.x[rows], table.y[rows], weight], size, None, share)


def held_out_rows(table: Table, members: int) -> tuple[Int64[Tensor, "n M"], Bool[Tensor, "n M"]]:
    """Return which rows each member holds out, and which of these numbers are no repetition."""
    order = table.marks[FOLD].argsort(stable=True)
    sizes = table.marks[FOLD].bincount(minlength=FOLDS)
    first, fold = sizes.cumsum(0) - sizes, fold_of_members(members)
    place = torch.arange(int(sizes[fold].max()))[:, None]
    there = place < sizes[fold]
    return order[(first[fold] + place * there).clamp(max=len(table) - 1)], there


def _batches(tensors: list[Tensor], batch_size: int, seed: int | None, share: Share) -> Batches:
    there = [each.to(share.device) for each in tensors]
    return Batches(there, batch_size, seed, share.epoch, share.rank, share.world_size)

"""The rows that each member learns from, and those that it holds out."""

import pytest
import torch

from mdn.data.batches import Share
from mdn.data.members import (
    held_out_batches,
    held_out_rows,
    learned_batches,
    of_member,
    rows_held_out,
    weight_by_member,
)
from mdn.data.splits.folds import FOLD, FOLDS, CrossFit, folded
from mdn.data.table import Table


def plain(rows: int, weight: torch.Tensor | None = None) -> Table:
    x = torch.arange(rows).double()[:, None]
    return Table(x, x**2, weight, ["x"], ["y"])


def in_folds(rows: int, weight: torch.Tensor | None = None) -> Table:
    found = folded(plain(rows, weight), CrossFit("auto", 8), [], 0)
    assert found is not None
    return found


@pytest.mark.parametrize("members", [2, 8, 11])
def test_a_member_learns_all_rows_but_those_of_its_fold(members):
    table = in_folds(50)
    (batch,) = learned_batches(table, members, 50, 0, Share())
    x, y, weight = batch
    assert weight.shape == (50, members)
    fold = table.marks[FOLD][x[:, 0].long()]
    for member in range(members):
        assert weight[:, member].equal(fold != member % FOLDS)
    assert weight.any(-1).all()
    assert y.equal(x**2)


@pytest.mark.parametrize("members", [2, 8, 11])
@pytest.mark.parametrize("batch_size", [1, 20, 1000])
def test_a_member_is_validated_on_its_fold(members, batch_size):
    table = in_folds(50)
    seen = [[] for _ in range(members)]
    for x, y, weight in held_out_batches(table, members, batch_size, Share()):
        assert x.shape[:2] == y.shape[:2] == weight.shape
        assert y.equal(x**2)
        for member, rows in enumerate(seen):
            rows += x[weight[:, member] > 0, member, 0].long().tolist()
    for member, rows in enumerate(seen):
        assert sorted(rows) == (table.marks[FOLD] == member % FOLDS).nonzero()[:, 0].tolist()


def test_weights_of_rows_go_with_them():
    weight = torch.arange(1.0, 51).double()
    table = in_folds(50, weight)
    counts = weight_by_member(table, 8)
    assert counts.sum(-1).equal(7 * weight)
    assert of_member(counts, 3).equal(torch.where(table.marks[FOLD] == 3, 0.0, weight))
    for x, _, held in held_out_batches(table, 8, 16, Share()):
        assert torch.where(held > 0, x[..., 0] + 1, 0.0).equal(held)
    assert weight_by_member(plain(50), 8) is of_member(None, 3) is None
    assert of_member(weight_by_member(plain(50, weight), 8), 3).equal(weight)


def test_few_members_hold_out_some_folds_only():
    table = in_folds(50)
    assert rows_held_out(table, 8) is rows_held_out(table, 9) is table
    assert rows_held_out(table, 2).marks[FOLD].unique().tolist() == [0, 1]
    rows, there = held_out_rows(rows_held_out(table, 2), 2)
    assert int(there.sum()) == len(rows_held_out(table, 2))
    assert rows.shape == there.shape


def test_processes_share_what_is_held_out():
    table, seen = in_folds(50), []
    for rank in range(3):
        for x, _, weight in held_out_batches(table, 8, 9, Share(rank=rank, world_size=3)):
            seen += x[..., 0][weight > 0].long().tolist()
    assert sorted(seen) == list(range(50))

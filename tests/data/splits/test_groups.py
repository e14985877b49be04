"""Rows split by group."""

import torch

from mdn.data.splits.groups import by_group

TENTHS = {"test": 0.1, "val": 0.2}


def parts_of(groups, seed=0):
    return by_group(torch.tensor(groups), TENTHS, seed)


def test_a_group_is_in_one_part():
    groups = [i % 500 for i in range(2000)]
    parts = parts_of(groups)
    assert sorted(row for rows in parts.values() for row in rows.tolist()) == list(range(2000))
    found = [{groups[row] for row in rows.tolist()} for rows in parts.values()]
    assert sum(map(len, found)) == 500
    for name, share in {**TENTHS, "train": 0.7}.items():
        assert abs(len(parts[name]) / 2000 - share) < 0.06


def test_rows_added_later_change_nothing():
    groups = list(range(300))
    before, now = parts_of(groups), parts_of([*groups, *range(1000, 1300), *groups])
    for name, rows in before.items():
        assert set(rows.tolist()) == {row for row in now[name].tolist() if row < 300}


def test_another_seed_splits_otherwise():
    groups = list(range(300))
    assert not torch.equal(parts_of(groups)["val"], parts_of(groups, 1)["val"])


def test_the_hash_is_the_same_for_ever():
    assert parts_of(list(range(20)))["val"].tolist() == [5, 6, 16]

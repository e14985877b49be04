"""Rows split at random, with and without strata."""

import torch

from mdn.data.splits.fractions import by_fraction, stratified

TENTHS = {"test": 0.1, "val": 0.1}


def test_every_row_is_in_one_part():
    y = torch.randn(103, 2, dtype=torch.float64)
    for parts in (by_fraction(103, TENTHS, 0), stratified(y, TENTHS, 0)):
        assert {name: len(rows) for name, rows in parts.items()} == {
            "test": 10,
            "val": 10,
            "train": 83,
        }
        assert torch.cat([*parts.values()]).sort().values.tolist() == list(range(103))


def test_the_seed_tells_the_parts_and_later_fractions_do_not():
    y = torch.randn(50, 1, dtype=torch.float64)
    for split in (lambda f, s: by_fraction(50, f, s), lambda f, s: stratified(y, f, s)):
        first, again, other = (split({"val": 0.5}, seed)["val"] for seed in (0, 0, 1))
        assert torch.equal(first, again)
        assert not torch.equal(first, other)
        tests = [split({"test": 0.2, "val": share}, 0)["test"] for share in (0.1, 0.5)]
        assert torch.equal(*tests)


def test_strata_hold_small_and_large_targets_alike():
    y = torch.randn(200, 1, dtype=torch.float64)
    away = {"random": 0.0, "strata": 0.0}
    for seed in range(30):
        parts = by_fraction(200, TENTHS, seed), stratified(y, TENTHS, seed)
        for name, found in zip(away, parts, strict=True):
            away[name] += float((y[found["val"]].mean() - y.mean()).square())
    assert away["strata"] < 0.1 * away["random"]


def test_strata_of_targets_that_are_missing_or_never_change():
    y = torch.ones(30, 3, dtype=torch.float64)
    y[::2, 1] = torch.nan
    y[:, 2] = torch.arange(30)
    parts = stratified(y, {"val": 0.1}, 0)
    assert [len(rows) for rows in parts.values()] == [3, 27]
    assert parts["val"].sort().values.diff().min() > 1

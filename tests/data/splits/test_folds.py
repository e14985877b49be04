"""Folds of the training rows, and where there are none."""

import pandas as pd
import pytest
import torch

from mdn.data.splits.divide import Division, divided
from mdn.data.splits.folds import COMMON, FOLD, FOLDS, CrossFit, folded
from mdn.data.splits.marks import GROUP
from mdn.data.splits.settings import SplitBy
from mdn.data.table import Table

AUTO = CrossFit("auto", 8)
ALWAYS = CrossFit(True, 8)


def table_of(rows: int, split: SplitBy | None = None, **columns) -> Table:
    values = {"x": range(rows), "y": [float(i**2) for i in range(rows)]}
    return Table.from_frame(pd.DataFrame(values | columns), "y", "x", split=split)


def folds_of(table: Table, cross_fit: CrossFit = AUTO, seed: int = 0, **settings) -> torch.Tensor:
    found = folded(table, cross_fit, ["test"], seed, **settings)
    assert found is not None
    return found.marks[FOLD]


@pytest.mark.parametrize("rows", [40, 101, 700])
def test_folds_are_of_one_size_and_follow_from_the_seed(rows):
    fold = folds_of(table_of(rows))
    sizes = fold.bincount(minlength=FOLDS)
    assert sizes.max() - sizes.min() <= 1
    assert fold.equal(folds_of(table_of(rows)))
    assert not fold.equal(folds_of(table_of(rows), seed=1))


def test_few_rows_have_small_and_large_targets_in_each_fold():
    blocks = folds_of(table_of(160)).view(-1, FOLDS)
    assert (blocks.sort(-1).values == torch.arange(FOLDS)).all()  # the targets are in order
    upside_down = Table.from_frame(pd.DataFrame({"x": range(160), "y": range(160, 0, -1)}), "y")
    assert (folds_of(upside_down).view(-1, FOLDS).sort(-1).values == torch.arange(FOLDS)).all()
    shuffled = torch.randperm(160)
    table = table_of(160)[shuffled]
    fold = folds_of(table)[shuffled.argsort()]
    assert (fold.view(-1, FOLDS).sort(-1).values == torch.arange(FOLDS)).all()
    plain = folds_of(table, stratify=False)[shuffled.argsort()]
    assert not (plain.view(-1, FOLDS).sort(-1).values == torch.arange(FOLDS)).all()


def test_groups_stay_whole():
    shops = [f"s{i % 40}" for i in range(400)]
    fold = folds_of(table_of(400, SplitBy(groups=("shop",)), shop=shops))
    assert all(len(fold[i::40].unique()) == 1 for i in range(40))
    assert fold.bincount().tolist() == [50] * FOLDS


@pytest.mark.parametrize(
    ("table", "others", "reason"),
    [
        (table_of(39), ["test"], "there are 39 rows to train on, and it takes 40"),
        (table_of(99), ["val"], "`split_by` names the rows to validate on"),
        (
            table_of(99, SplitBy(groups=("g",)), g=[f"g{i % 15}" for i in range(99)]),
            [],
            "there are 15 groups to train on, and it takes 16",
        ),
        (
            table_of(99, SplitBy(groups=("g",)), g=[f"g{max(0, i - 50)}" for i in range(99)]),
            [],
            "one group is so large that a fold has 51 of the 99 rows",
        ),
        (table_of(99, SplitBy(time="t"), t=range(99)), [], "rows are split by `time_by`"),
    ],
)
def test_where_there_are_no_folds(table, others, reason):
    assert folded(table, AUTO, others, 0) is None
    with pytest.raises(ValueError, match=f"`cross_fit=True` has each network.*{reason}"):
        folded(table, ALWAYS, others, 0)


def test_one_network_and_those_who_want_none_have_no_folds():
    assert folded(table_of(99), CrossFit("auto", 1), [], 0) is None
    assert folded(table_of(99), COMMON, [], 0) is None
    with pytest.raises(ValueError, match="there is one network"):
        _ = CrossFit(True, 1).holds
    with pytest.raises(ValueError, match="own, and a, which"):
        _ = CrossFit(True, 2).unless("a, which").unless("b").holds


def test_a_split_has_no_validation_rows_where_it_has_folds():
    fractions, table = {"test": 0.2, "val": 0.2}, table_of(100)
    parts = divided(table, Division(fractions, 0, cross_fit=AUTO))
    assert {name: len(part) for name, part in parts.items()} == {"test": 20, "train": 80}
    common = divided(table, Division(fractions, 0))
    assert common["test"].x.equal(parts["test"].x)
    assert FOLD not in common["train"].marks
    few = divided(table[:42], Division(fractions, 0, cross_fit=AUTO))
    assert set(few) == {"test", "val", "train"}


def test_groups_of_the_test_are_in_no_fold():
    shops = [f"s{i % 50}" for i in range(400)]
    table = table_of(400, SplitBy(groups=("shop",)), shop=shops)
    parts = divided(table, Division({"test": 0.2, "val": 0.1}, 0, cross_fit=AUTO))
    tested, learned = (set(parts[name].marks[GROUP].tolist()) for name in ("test", "train"))
    assert tested
    assert not tested & learned

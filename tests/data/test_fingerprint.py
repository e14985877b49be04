from math import exp, sin

import pytest
import torch

from mdn.data.fingerprint import changed, of_levels
from mdn.data.fingerprint import fingerprint as fingerprint_of
from mdn.data.splits.fractions import by_fraction
from mdn.data.table import Table
from mdn.networks.kinds import Category, Number

SEED = torch.Generator().manual_seed(0)
X, Y = (torch.randn(50, n, generator=SEED, dtype=torch.float64) for n in (2, 1))
WEIGHT = torch.rand(50, generator=SEED, dtype=torch.float64)


def fingerprint(tables):
    return {name: table.profile.fingerprint for name, table in tables.items()}


def table(x=X, y=Y, weight=None):
    return Table(x, y, weight, ["a", "b"], ["y"])


def test_the_numbers_are_rows_and_root_mean_squares():
    x = torch.tensor([[3.0, 1.0], [4.0, -1.0]]).double()
    numbers = fingerprint({"train": table(x, torch.tensor([[0.0], [2.0]]).double())})["train"]
    sizes = [12.5**0.5, 1, 2**0.5]
    each = [3 / sizes[0] + 2**0.5, 4 / sizes[0] - 2**0.5 + 3**0.5 * 2 / sizes[2]]
    together = sum(exp(sin(number)) for number in each) / 2
    assert numbers == pytest.approx([2, *sizes, together])
    assert all(type(number) is float for number in numbers)  # plain data, for checkpoints


ORDER = torch.randperm(50, generator=SEED)
OTHERS = {
    "one row less": table(X[:-1], Y[:-1]),
    "another target": table(y=Y + 1e-6 * (torch.arange(50) == 7)[:, None]),
    "another input": table(x=X * torch.tensor([1.0, 1.00001])),
    "another sign": table(y=-Y),
    "another sign of all": table(-X, -Y),
    "targets of other rows": table(y=Y[ORDER]),
    "inputs of other rows": table(torch.stack([X[:, 0], X[ORDER, 1]], -1)),
    "weights": table(weight=WEIGHT),
}


@pytest.mark.parametrize("case", OTHERS)
def test_other_rows_are_told(case):
    before, now = fingerprint({"train": table()}), fingerprint({"train": OTHERS[case]})
    assert changed(before, now) == ["train"]


def test_order_and_last_digits_are_not():
    again = table(X[ORDER] * (1 + 1e-14), Y[ORDER], None)
    assert changed(fingerprint({"a": table()}), fingerprint({"a": again})) == []


def test_another_split_is_another_of_each():
    parts = [by_fraction(len(table()), {"a": 0.2, "b": 0.2}, seed) for seed in (0, 1)]
    before, now = (
        fingerprint({name: table()[rows] for name, rows in each.items()}) for each in parts
    )
    assert changed(before, now) == ["a", "b", "train"]
    assert changed(before, before) == []


def test_a_table_without_rows_has_one_too():
    assert fingerprint_of([X[:0], Y[:0]]) == [0, 0, 0, 0, 0]


def test_levels_have_numbers_of_their_own():
    kinds = Number(), Category(("a", "b")), Category(("ab",))
    one, other = of_levels(kinds)
    assert 0 <= one < 1
    assert one != other
    assert of_levels([Category(("b", "a"))]) != [one]


def test_columns_of_zeros_among_many_leave_the_numbers_finite():
    x = torch.cat([X.repeat(1, 10), torch.zeros(50, 3, dtype=torch.float64)], 1)
    x[0, 0] = torch.nan
    numbers = fingerprint_of([x, Y])
    assert torch.tensor(numbers).isfinite().all()
    assert changed({"train": numbers}, {"train": fingerprint_of([x, Y])}) == []

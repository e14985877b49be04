import math

import torch

from mdn.data.kinds.coding import coded_tables, fitted_kinds
from mdn.data.table import Table
from mdn.networks.kinds import DAY, WEEK, YEAR, Category, Number, Time

NAN = math.nan


def table(column, kind):
    x = torch.tensor(column, dtype=torch.float64)[:, None]
    return Table(x, torch.randn(len(x), 1).double(), None, ["x"], ["y"], (kind,))


def test_levels_are_those_of_the_training_rows_the_most_frequent_first():
    levels = Category(("a", "b", "c", "d"))
    train = table([1.0] * 9 + [0.0] * 6 + [2.0, NAN], levels)
    tables = coded_tables({"train": train, "test": table([0.0, 1.0, 2.0, 3.0, NAN], levels)})
    assert tables["train"].kinds == (Category(("b", "a"), missing=True, other=True),)
    assert tables["test"].x[:, 0].nan_to_num(nan=-1.0).tolist() == [1, 0, 2, 2, -1]
    assert tables["train"].x[:, 0].nan_to_num(nan=-1.0).tolist() == [0] * 9 + [1] * 6 + [2, -1]


def test_a_gap_of_the_training_rows_is_kept_in_mind():
    assert fitted_kinds(table([1.0, NAN], Number())) == (Number(missing=True),)
    assert fitted_kinds(table([1.0, 2.0], Number())) == (Number(),)


def times(moments, target):
    x = torch.tensor(moments, dtype=torch.float64)[:, None]
    return Table(x, target(x), None, ["x"], ["y"], (Time(),))


def wave(*periods):
    return lambda x: sum((2 * math.pi * x / period).sin() for period in periods)


def test_cycles_fit_into_the_range_of_the_training_rows():
    days, both = [DAY * day for day in range(800)], wave(YEAR, WEEK)
    assert fitted_kinds(times(days, both)) == (Time(cycles=(YEAR, WEEK)),)
    assert fitted_kinds(times(days[:100], both)) == (Time(cycles=(WEEK,)),)
    hours = [DAY / 24 * hour for hour in range(60)]
    assert fitted_kinds(times(hours, wave(DAY))) == (Time(cycles=(DAY,)),)


def test_cycles_that_no_target_follows_are_left_out():
    days = [DAY * day for day in range(800)]
    assert fitted_kinds(times(days, wave(WEEK))) == (Time(cycles=(WEEK,)),)
    noise = torch.randn(800, 1, generator=torch.Generator().manual_seed(0)).double()
    assert fitted_kinds(times(days, lambda x: noise)) == (Time(),)
    assert fitted_kinds(times(days, torch.zeros_like)) == (Time(),)
    assert fitted_kinds(times([NAN, 0.0, YEAR * 3], torch.ones_like)) == (Time(missing=True),)


def test_tables_of_numbers_stay_what_they_are():
    train = table([1.0, 2.0], Number())
    assert coded_tables({"train": train})["train"] is train

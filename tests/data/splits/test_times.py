"""Rows split by time."""

import pytest
import torch

from mdn.data.splits.times import by_time

FRACTIONS = {"test": 0.1, "val": 0.2}


def times_of(parts, times):
    return {name: sorted(times[rows].tolist()) for name, rows in parts.items()}


def test_the_last_rows_are_for_the_test_and_those_before_for_validation():
    times = torch.randperm(100).double()
    found = times_of(by_time(times, FRACTIONS, 0), times)
    assert found["test"] == list(range(90, 100))
    assert found["val"] == list(range(70, 90))
    assert found["train"] == list(range(70))


def test_rows_within_the_gap_are_in_no_part():
    times = torch.arange(100).double()
    found = times_of(by_time(times, FRACTIONS, 5), times)
    assert found["test"][0] == 90
    assert found["val"] == list(range(70, 85))
    assert found["train"] == list(range(65))


def test_rows_of_one_time_are_in_one_part():
    years = torch.arange(8).double().repeat_interleave(25)
    found = times_of(by_time(years, FRACTIONS, 0), years)
    assert {name: sorted(set(times)) for name, times in found.items()} == {
        "test": [7.0],
        "val": [6.0],
        "train": [0.0, 1.0, 2.0, 3.0, 4.0, 5.0],
    }


def test_weights_tell_how_many_rows_there_are():
    times, weight = torch.arange(100).double(), torch.ones(100).double()
    weight[99] = 11.0
    found = by_time(times, {"val": 0.1}, 0, weight)
    assert found["val"].tolist() == [99]


@pytest.mark.parametrize("times", [[1.0, 1.0, 1.0], [1.0, 1.0, 2.0]])
def test_too_few_times_leave_a_part_empty(times):
    parts = by_time(torch.tensor(times).double(), FRACTIONS, 0)
    assert not all(len(rows) for rows in parts.values())

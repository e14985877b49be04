"""What one pass over a table tells."""

import numpy as np
import pytest
import torch
from small_runs import make_table, targets_alone

from mdn.data.table import Table
from mdn.networks.units import column_units, effective_rows


def test_rows_are_counted_with_their_weights():
    weight = torch.tensor([1.0, 0, 3, 0, 2], dtype=torch.float64)
    profile = make_table(5, weight).profile
    assert (profile.rows, profile.counted_rows) == (5, 3)
    assert profile.effective_rows == pytest.approx(36 / 14) == effective_rows(weight)
    even = make_table(5).profile
    assert (even.rows, even.counted_rows, even.effective_rows) == (5, 5, 5)


def test_columns_have_their_units():
    table = make_table(200, torch.arange(200, dtype=torch.float64))
    for columns, values in ((table.profile.inputs, table.x), (table.profile.targets, table.y)):
        units = column_units(values, table.weight)
        assert torch.equal(columns.center, units.center)
        assert torch.equal(columns.spread, units.spread)
        assert torch.equal(columns.low, values.amin(0))
        assert torch.equal(columns.high, values.amax(0))
        assert torch.equal(columns.size, values.abs().amax(0))
        assert columns.far == {}
    assert table.profile.targets.names == ["a", "b"]


def test_far_values_count_for_no_range_and_are_told_from_the_others():
    table = make_table(500)
    table.y[7, 1] = 1e9
    targets = table.profile.targets
    assert targets.high[1] < 10 < targets.size[1] == 1e9
    assert targets.far["b"].startswith("one value of target 'b' is at least")
    assert targets.outside(table.y).nonzero().tolist() == [[7, 1]]
    new = table.y[:2] + torch.tensor([[0.0, 0.0], [0.0, -1e6]])
    assert targets.beyond(new).tolist() == [[False, False], [False, True]]


def test_deciles_are_those_of_the_column():
    values = np.random.default_rng(0).normal(size=5000)
    found = targets_alone(values).profile.targets.decile_range
    assert found.item() == pytest.approx(np.diff(np.quantile(values, [0.1, 0.9])).item(), rel=0.1)


def test_deciles_of_rows_that_come_in_turns_are_those_of_all():
    turns = torch.tensor([0.0, 100.0]).repeat(4000) + torch.randn(8000)
    found = targets_alone(turns).profile.targets.decile_range
    assert found.item() == pytest.approx(101.7, abs=0.5)
    assert torch.equal(found, targets_alone(turns).profile.targets.decile_range)


def test_steps_are_told_by_target():
    fine = torch.randn(3000, generator=torch.Generator().manual_seed(0)).double()
    coarse = fine.round()
    hundredths = (100 * fine).round() / 100
    profile = targets_alone(fine, coarse, hundredths).profile
    assert profile.grid_steps == {"y1": 1.0, "y2": pytest.approx(0.01)}
    assert profile.rounded_targets == {"y1": 1.0}


def test_an_input_that_equals_a_target_is_told():
    table = make_table(20)
    x = torch.cat([table.x, table.y[:, 1:]], 1)
    copied = Table(x, table.y, None, ["x", "leak"], table.target_names)
    assert copied.profile.copies == (("leak", "b"),)
    assert table.profile.copies == ()


def test_it_is_made_once_and_belongs_to_the_rows():
    table = make_table(20)
    assert table.profile is table.profile
    assert table[:10].profile.rows == 10


@pytest.mark.parametrize("factor", [1e-200, 1e-320, 1e160, 1e300])
def test_numbers_at_the_end_of_float64_have_a_profile(factor):
    y = factor * torch.tensor([1.0, 2, 2, 3, 1, 1, 7], dtype=torch.float64)
    profile = targets_alone(y).profile
    assert profile.rows == 7
    mixed = torch.tensor([1e300, 1e-10, 1e-10, 2e-10, 0, 0, 3e-10], dtype=torch.float64)
    assert targets_alone(mixed).profile.rows == 7

"""What a recipe is told of the training rows."""

import numpy as np
import pytest
import torch
from small_runs import targets_alone

from mdn.training.profile import AssumedRows, RowsProfile


def floor(*columns, weight=None):
    table = targets_alone(*columns, weight=weight)
    return RowsProfile(len(table), table).grid_floor()


def test_the_floor_is_the_standard_deviation_of_what_rounding_took():
    values = np.random.default_rng(0).normal(3, 2, 100_000)
    rounded = (values / 0.5).round() * 0.5
    taken = np.std(values - rounded) / np.std(rounded)
    assert floor(rounded) == pytest.approx(taken, rel=0.01)
    assert floor(rounded) == pytest.approx(0.5 / 12**0.5 / np.std(rounded))


def test_of_several_targets_it_is_the_least():
    coarse, fine = torch.randn(2000).round(), (10 * torch.randn(2000)).round()
    assert floor(coarse, fine) == floor(fine) < floor(coarse)


def test_weights_count_in_the_standard_deviation():
    values = torch.randn(500).round()
    weight = torch.arange(500, dtype=torch.float64) % 3
    repeated = values.repeat_interleave(weight.long())
    assert floor(values, weight=weight) == pytest.approx(floor(repeated))


def test_a_target_without_a_grid_is_refused():
    with pytest.raises(ValueError, match="target 'y1' lies on no grid"):
        floor(torch.randn(50).round(), torch.randn(50))


def test_rows_that_nobody_has_seen_have_no_grid():
    with pytest.raises(ValueError, match="there are no rows whose grid could decide it"):
        AssumedRows().grid_floor()


def test_rows_without_weight_are_not_counted():
    table = targets_alone(torch.randn(4), weight=torch.tensor([0.0, 1, 2, 0]).double())
    profile = RowsProfile(9, table)
    assert (profile.num_read, profile.num_rows, profile.num_counted) == (9, 4, 2)

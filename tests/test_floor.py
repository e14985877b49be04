"""The floor that a grid gives."""

import numpy as np
import pytest
import torch

from mdn.data.table import Table
from mdn.run.floor import grid_floor


def table(*columns, weight=None):
    y = torch.stack([torch.as_tensor(column, dtype=torch.float64) for column in columns], 1)
    names = [f"y{i}" for i in range(y.shape[1])]
    return Table(torch.zeros(len(y), 0, dtype=torch.float64), y, weight, [], names)


def test_the_floor_is_the_standard_deviation_of_what_rounding_took():
    values = np.random.default_rng(0).normal(3, 2, 100_000)
    rounded = (values / 0.5).round() * 0.5
    taken = np.std(values - rounded) / np.std(rounded)
    assert grid_floor(table(rounded)) == pytest.approx(taken, rel=0.01)
    assert grid_floor(table(rounded)) == pytest.approx(0.5 / 12**0.5 / np.std(rounded))


def test_of_several_targets_it_is_the_least():
    coarse, fine = torch.randn(2000).round(), (10 * torch.randn(2000)).round()
    assert grid_floor(table(coarse, fine)) == grid_floor(table(fine)) < grid_floor(table(coarse))


def test_weights_count_in_the_standard_deviation():
    values = torch.randn(500).round()
    weight = torch.arange(500, dtype=torch.float64) % 3
    repeated = values.repeat_interleave(weight.long())
    assert grid_floor(table(values, weight=weight)) == pytest.approx(grid_floor(table(repeated)))


def test_a_target_without_a_grid_is_refused():
    with pytest.raises(ValueError, match="target 'y1' lies on no grid"):
        grid_floor(table(torch.randn(50).round(), torch.randn(50)))

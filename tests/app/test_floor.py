"""The floor that a grid gives."""

import numpy as np
import pytest
import torch
from small_runs import targets_alone

from mdn.app.floor import grid_floor


def floor(*columns, weight=None):
    return grid_floor(targets_alone(*columns, weight=weight))


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

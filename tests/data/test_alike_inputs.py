import math

import pytest
import torch

from mdn.data.alike_inputs import least_variance
from mdn.data.table import Table
from mdn.networks.kinds import Boolean, Category, Number


def columns(rows=4000):
    """One column, another that it tells all of but a fifth, and a third by itself."""
    stream = torch.Generator().manual_seed(0)
    one, rest, other = torch.randn(3, rows, generator=stream, dtype=torch.float64)
    return torch.stack([one, math.sqrt(0.8) * one + math.sqrt(0.2) * rest, 1e5 * other], 1)


def least(x):
    return least_variance(x, x.nanmean(0), (x - x.nanmean(0)).square().nanmean(0).sqrt())


def test_the_least_variance_is_that_along_the_smallest_axis_of_the_correlation():
    assert least(columns()) == pytest.approx(1 - math.sqrt(0.8), abs=0.01)
    assert least(columns()[:, [0, 2]]) > 0.95
    assert least(columns()[:, [0, 1, 2, 0]]) == pytest.approx(0, abs=1e-9)


def test_columns_of_one_value_and_gaps_do_not_count():
    x = torch.cat([columns()[:, [0, 2]], torch.ones(4000, 1).double()], 1)
    x[::7, 0] = math.nan
    assert least(x) > 0.95
    assert least(x[:, 1:]) == 1.0
    assert least(torch.ones(5, 0).double()) == 1.0


def test_a_profile_looks_at_the_inputs_that_are_numbers():
    x = columns(300).round()
    x[:, 2] = (x[:, 0] > 0).double()
    kinds = (Number(), Category(tuple("abcdefgh")), Boolean())
    codes = x.clone()
    codes[:, 1] = codes[:, 0].clamp(0, 7)
    table = Table(codes, x[:, :1], None, ["a", "b", "c"], ["y"], kinds)
    assert table.profile.least_variance == 1.0
    assert Table.from_arrays(x[:, [0, 0]], x[:, :1]).profile.least_variance < 1e-9

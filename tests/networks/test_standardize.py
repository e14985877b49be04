import math

import numpy as np
import pytest
import torch
from scipy.stats import norm

from mdn.networks.standardize import Standardizer
from mdn.networks.units import LIMIT

NORMAL = torch.from_numpy(norm.ppf((np.arange(500) + 0.5) / 500))[:, None]
STD = NORMAL.std(correction=0).item()


def with_one(value: float) -> torch.Tensor:
    return torch.cat([NORMAL, NORMAL.new_tensor([[value]])])


@pytest.mark.parametrize("bounded", [False, True])
def test_ordinary_columns_are_standardized_and_not_bounded(bounded):
    values = torch.cat([1e7 + 3 * NORMAL, 1e-6 * NORMAL], 1)
    units = Standardizer(2, bounded).fit(values)
    np.testing.assert_allclose(units.factor, [3 * STD, 1e-6 * STD], rtol=1e-9)
    away = torch.tensor([[1e7 + 2700 * STD, -9e-4 * STD]], dtype=torch.float64)
    np.testing.assert_allclose(units(away, torch.float64), [[900, -900]], rtol=1e-9)


def test_the_unit_of_a_target_is_that_of_the_ordinary_rows():
    units = Standardizer(1).fit(with_one(1e9))
    assert units.factor.item() == pytest.approx(STD, rel=1e-12)
    assert units(with_one(1e9), torch.float64)[-1].item() == pytest.approx(1e9 / STD)
    assert units.log_det().item() == pytest.approx(-math.log(STD))


def test_times_behind_a_large_offset_have_a_unit():
    units = Standardizer(1).fit(1.7e9 + 1e-3 * NORMAL)
    assert units.factor.item() == pytest.approx(1e-3 * STD, rel=1e-4)


@pytest.mark.parametrize("value", [1e9, -1e300, torch.inf])
def test_absurd_inputs_are_held_where_the_others_end(value):
    units = Standardizer(1, bounded=True).fit(with_one(1e9))
    farthest = (NORMAL / STD).max().item()
    z = units(torch.tensor([[value]], dtype=torch.float64), torch.float64).item()
    assert z == pytest.approx(math.copysign(farthest, value), rel=1e-12)


def test_inputs_without_absurd_values_are_held_far_out():
    units = Standardizer(1, bounded=True).fit(NORMAL)
    z = units(torch.tensor([[1e9], [-1e300], [2.0]], dtype=torch.float64), torch.float64)
    assert z.squeeze(-1).tolist() == [LIMIT, -LIMIT, pytest.approx(2 / STD)]


@pytest.mark.parametrize("value", [2023.0, 0.1, -1e30])
def test_an_input_that_never_changed_is_zero_whatever_it_becomes(value):
    units = Standardizer(1, bounded=True).fit(torch.full((9, 1), value, dtype=torch.float64))
    later = torch.tensor([[value], [value + 1], [0.0], [1e30]], dtype=torch.float64)
    assert units(later, torch.float64).abs().max() == 0


def test_a_target_that_never_changed_keeps_its_units():
    units = Standardizer(1).fit(torch.full((9, 1), 5.0, dtype=torch.float64))
    assert (units.shift.item(), units.factor.item()) == (5, 1)


@pytest.mark.parametrize(
    ("shift", "factor", "fits"),
    [(1e4, 50, True), (0, 1e-30, True), (0, 1e-44, False), (0, 1e39, False), (1.7e9, 3, False)],
)
def test_a_type_without_numbers_for_a_target_is_refused(shift, factor, fits):
    units = Standardizer(1).fit(shift + factor * NORMAL)
    units.check_fits(torch.float64, ["y"])
    if fits:
        units.check_fits(torch.float32, ["y"])
    else:
        with pytest.raises(
            ValueError, match=r"torch\.float32 cannot hold answers about target 'y'"
        ):
            units.check_fits(torch.float32, ["y"])

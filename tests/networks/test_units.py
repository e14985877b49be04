import math

import numpy as np
import pytest
import torch
from scipy.stats import norm

from mdn.networks.units import column_ends, column_units, effective_rows, far_remark

NORMAL = torch.from_numpy(norm.ppf((np.arange(500) + 0.5) / 500))
STD = NORMAL.std(correction=0).item()


def columns(*values) -> torch.Tensor:
    """One column of float64."""
    return torch.cat([torch.as_tensor(v, dtype=torch.float64).view(-1) for v in values])[:, None]


def plain(values, weight=None):
    """Mean and standard deviation as numpy has them."""
    mean = np.average(values, axis=0, weights=weight)
    return mean, np.sqrt(np.average((values - mean) ** 2, axis=0, weights=weight))


def heavy_tails():
    g = np.random.default_rng(3)
    yield "normal", g.normal(size=(400, 3))
    yield "lognormal", np.exp(2 * g.normal(size=(400, 1)))
    yield "student", g.standard_t(2, size=(400, 1))
    yield "cauchy", g.standard_cauchy(size=(400, 1))
    yield "one in 1000", (np.arange(1000) == 7)[:, None] * 1.0
    yield "rare counts", np.repeat([0.0, 1.0, 5000.0], [995, 3, 2])[:, None]
    yield "mostly zero", np.where(g.random((400, 1)) < 0.57, 0, g.exponential(size=(400, 1)))
    yield "three rows", np.array([[0.0], [1.0], [1e9]])
    yield "several units", g.normal(size=(300, 3)) * [1e-6, 1, 1e6] + [0, 10, 1e7]


CASES = dict(heavy_tails())


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("weighted", [False, True])
def test_ordinary_columns_have_mean_and_standard_deviation(name, weighted):
    values = CASES[name]
    weight = np.random.default_rng(0).integers(1, 4, len(values)) if weighted else None
    units = column_units(
        torch.from_numpy(values), None if weight is None else torch.from_numpy(weight).double()
    )
    mean, std = plain(values, weight)
    np.testing.assert_allclose(units.center, mean, rtol=1e-12, atol=1e-14 * abs(values).max())
    np.testing.assert_allclose(units.spread, std, rtol=1e-12)
    assert not units.far.any()


@pytest.mark.parametrize("factor", [1e-300, 1e-200, 1e-170, 1e-44, 1.0, 1e12, 1e160, 1e300])
def test_no_magnitude_is_lost(factor):
    units = column_units(columns(factor * NORMAL))
    assert units.spread.item() / factor == pytest.approx(STD, rel=1e-12)


@pytest.mark.parametrize("offset", [0.0, 1e6, 1.7e9, -4e14])
def test_a_spread_behind_a_large_offset_is_found(offset):
    step = max(1e-3, 20 * np.spacing(abs(offset)))
    values = columns(offset + step * NORMAL)
    exact = (values - offset).std(correction=0).item()  # the difference is exact
    units = column_units(values)
    assert units.spread.item() == pytest.approx(exact, rel=1e-9)
    assert units.center.item() == pytest.approx(offset, abs=step / 10)


def test_times_in_nanoseconds_have_a_spread():
    values = columns(1.7e18 + 1e5 * NORMAL)
    assert column_units(values).spread.item() == pytest.approx(1e5 * STD, rel=1e-3)


@pytest.mark.parametrize("value", [5.0, 0.0, 0.1, 1e-300, -1e300, 1.7e18])
def test_equal_values_have_no_spread(value):
    units = column_units(torch.full((7, 1), value, dtype=torch.float64))
    assert units.constant.all()
    assert units.center.item() == value


def test_values_that_differ_by_rounding_are_equal():
    units = column_units(columns([0.3] * 10, [0.1 + 0.2] * 10))
    assert units.constant.all()


def test_only_rows_of_positive_weight_tell_whether_values_are_equal():
    values, weight = columns([2.0] * 5, 3.0), torch.tensor([1.0] * 5 + [0.0])
    assert column_units(values, weight).constant.all()
    assert not column_units(values).constant.any()


@pytest.mark.parametrize("far", [[1e9], [1e5, 1e9], [-1e300], [1e200, -1e4], [1.7e308, -1.7e308]])
def test_a_vanishing_part_of_the_rows_does_not_make_the_unit(far):
    units = column_units(columns(NORMAL, far))
    assert units.spread.item() == pytest.approx(STD, rel=1e-12)
    assert units.center.item() == pytest.approx(0, abs=1e-12)
    assert units.far.squeeze(-1).nonzero().squeeze(-1).tolist() == [*range(500, 500 + len(far))]


def test_a_vanishing_part_of_the_rows_is_one_in_99_or_a_hundredth():
    assert column_units(columns(NORMAL[::5], 1e9)).far.sum() == 1
    assert column_units(columns(NORMAL, NORMAL, [1e9] * 10)).far.sum() == 10
    assert column_units(columns(NORMAL, NORMAL, [1e9] * 20)).far.sum() == 0


def test_rare_ones_stay_a_unit_beside_an_absurd_value():
    values = columns([0.0] * 9970, [1.0] * 30, 1e9)
    units = column_units(values)
    assert units.far.sum() == 1
    assert units.spread.item() == pytest.approx(math.sqrt(0.003 * 0.997), rel=1e-12)


@pytest.mark.parametrize("heavy", [1e-20, 1.0, 100.0])
def test_neither_rows_nor_weight_that_vanish_make_the_unit(heavy):
    weight = torch.ones(501, dtype=torch.float64)
    weight[-1] = heavy
    spread = column_units(columns(NORMAL, 1e9), weight).spread.item()
    assert spread == pytest.approx(STD, rel=1e-3)


def test_many_rows_of_vanishing_weight_do_not_make_the_unit():
    weight = torch.tensor([1.0] * 500 + [1e-9] * 500, dtype=torch.float64)
    units = column_units(columns(NORMAL, [1e12] * 500), weight)
    assert units.far.sum() == 500
    assert units.spread.item() == pytest.approx(STD, rel=1e-12)


@pytest.mark.parametrize("factor", [1e-300, 1e-5, 7.0, 1e38, 1e300])
def test_a_common_factor_of_the_weights_does_not_matter(factor):
    weight = torch.linspace(1, 3, 500, dtype=torch.float64)
    one, other = (column_units(NORMAL[:, None], w) for w in (weight, factor * weight))
    torch.testing.assert_close(one.center, other.center, rtol=1e-13, atol=1e-15)
    torch.testing.assert_close(one.spread, other.spread, rtol=1e-13, atol=0)


def test_nan_is_missing():
    holes = torch.full((400,), torch.nan, dtype=torch.float64)
    values = torch.cat([columns(NORMAL, holes, 1e9), columns(holes, 3 + NORMAL, 3)], 1)
    units = column_units(values)
    torch.testing.assert_close(units.center, units.center.new_tensor([0, 3]))
    np.testing.assert_allclose(units.spread, [STD, STD * math.sqrt(500 / 501)], rtol=1e-12)
    assert units.far.nonzero().tolist() == [[900, 0]]


def test_columns_do_not_see_each_other():
    values = torch.cat([columns(NORMAL, 1e9), columns(1e200 * NORMAL, 0)], 1)
    together = column_units(values)
    for i in range(2):
        alone = column_units(values[:, i : i + 1])
        assert together.spread[i].item() == pytest.approx(alone.spread.item(), rel=1e-14)
        assert together.far[:, i].equal(alone.far[:, 0])


def test_no_columns_have_no_units():
    units = column_units(torch.zeros(5, 0, dtype=torch.float64))
    assert units.center.shape == units.spread.shape == (0,)


def test_rows_of_one_weight_all_tell_something():
    assert effective_rows(torch.full((50,), 1e300, dtype=torch.float64)) == pytest.approx(50)
    one = torch.tensor([1e25] + [1.0] * 500, dtype=torch.float64)
    assert effective_rows(one) == pytest.approx(1)


def test_a_remark_counts_and_compares():
    values = columns(NORMAL, 1e9, torch.nan)
    far = column_units(values).far
    said = far_remark("target 'y'", values[:, 0], far[:, 0])
    assert said == (
        "one value of target 'y' is at least 3e+08 times further out than the other 500 rows"
    )


@pytest.mark.parametrize("columns", [1, 2, 3, 5, 11, 15, 16, 17, 33, 40])
@pytest.mark.parametrize("weighted", [False, True])
def test_columns_in_blocks_have_the_same_units_to_the_last_digit(columns, weighted, monkeypatch):
    torch.manual_seed(columns)
    values = 1e3 * torch.randn(3000, columns, dtype=torch.float64).exp()
    values[5, columns // 2] = 1e30
    weight = torch.rand(3000, dtype=torch.float64) if weighted else None
    whole = column_units(values, weight)
    monkeypatch.setattr("mdn.networks.units._AT_ONCE", 3000)
    blocks = column_units(values, weight)
    assert torch.equal(blocks.center, whole.center)
    assert torch.equal(blocks.spread, whole.spread)
    assert torch.equal(blocks.far, whole.far)


@pytest.mark.parametrize("rows", [1, 15, 16, 100])
@pytest.mark.parametrize("count", [1, 3, 16, 17])
def test_the_ends_of_columns(rows: int, count: int):
    values = torch.randn(rows, count, generator=torch.Generator().manual_seed(0)).double()
    low, high = column_ends(values)
    torch.testing.assert_close(low, values.amin(0), rtol=0, atol=0)
    torch.testing.assert_close(high, values.amax(0), rtol=0, atol=0)


def test_a_column_with_a_gap_has_no_ends():
    values = torch.zeros(40, 2).double()
    values[20, 1] = torch.nan
    assert [end.isnan().tolist() for end in column_ends(values)] == [[False, True]] * 2

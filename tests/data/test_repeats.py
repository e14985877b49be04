"""Atoms and grids are told from values that only happen to look like them."""

import numpy as np
import pytest
import torch

from mdn.data.repeats import grid_step, repeats_in

RANDOM = np.random.default_rng(0)
NORMAL = RANDOM.normal(size=2000)
PRICES = np.exp(RANDOM.normal(4, 1, size=20_000))


def tensor(values):
    return torch.tensor(np.asarray(values, dtype=np.float64))


GRIDS = {
    "six marks": (RANDOM.choice([3, 4, 5, 6, 7, 8], 500), 1),
    "counts": (RANDOM.poisson(3, 500), 1),
    "yes or no": (NORMAL > 0, 1),
    "five minutes": (np.round(NORMAL * 20 / 5) * 5, 5),
    "thirds, which no number is": (np.round(NORMAL * 3) / 3, 1 / 3),
    "tenths, added up": (np.round(NORMAL * 5) * 0.1 + np.where(NORMAL > 0, 0.1 + 0.2, 0.3), 0.1),
    "tenths, in single precision": (np.round(NORMAL * 10).astype("f4") * np.float32(0.1), 0.1),
    "away from zero": (np.round(NORMAL * 10) / 10 + np.pi, 0.1),
    "seconds since 1970": (1.7e9 + np.round(NORMAL * 10) * 300, 300),
    "gaps of 3 and 4": (RANDOM.choice([2, 5, 9], 500), 1),
    "far values": (np.append(RANDOM.poisson(3, 500), 1e4), 1),
}


@pytest.mark.parametrize("name", GRIDS)
def test_a_grid_is_found_and_its_step(name):
    values, step = GRIDS[name]
    found = repeats_in(tensor(values))
    assert found.step == pytest.approx(step, rel=1e-6)
    assert found.relative_step == pytest.approx(step / np.std(values), rel=1e-6)
    assert found.num_values == len(np.unique(np.round(np.asarray(values, float), 4)))


CONTINUOUS = {
    "normal": NORMAL,
    "single precision": NORMAL.astype("f4"),
    "single precision, many rows": RANDOM.normal(size=300_000).astype("f4"),
    "single precision, away from zero": (1e4 + NORMAL).astype("f4"),
    "far from zero": 1e6 + NORMAL,
    "one row twice": np.append(NORMAL, NORMAL[0]),
    "few rows, one three times": np.append(NORMAL[:20], [0.5, 0.5, 0.5]),
    "cents": np.round(PRICES, 2),
    "hundredths of a spread": np.round(NORMAL, 2),
    "heavy tails": RANDOM.standard_cauchy(20_000),
    "all values once, on a grid": np.arange(100.0),
    "two rows": [1.0, 2.0],
    "one value": [3.0] * 4,
}


@pytest.mark.parametrize("name", CONTINUOUS)
def test_nothing_is_found_where_nothing_matters(name):
    assert not repeats_in(tensor(CONTINUOUS[name]))


def test_atoms_are_values_with_a_share_of_their_own():
    values = NORMAL.copy()
    values[:600], values[600:700], values[700:720] = 0, 5, 7
    found = repeats_in(tensor(values))
    assert found.step is None
    assert found.atoms == ((0.0, pytest.approx(0.3)), (5.0, pytest.approx(0.05)))


def test_an_atom_beside_a_negligible_grid_and_one_on_a_grid():
    cents = np.where(RANDOM.random(20_000) < 0.4, 0, np.round(PRICES, 2))
    assert repeats_in(tensor(cents)).step is None
    assert repeats_in(tensor(cents)).atoms[0][1] == pytest.approx(0.4, abs=0.02)
    visits = np.where(RANDOM.random(2000) < 0.6, 0, RANDOM.poisson(4, 2000))
    found = repeats_in(tensor(visits))
    assert found.step == 1
    assert [value for value, _ in found.atoms] == [0]


def test_ties_on_no_grid_are_told_by_the_most_frequent():
    levels = RANDOM.normal(size=45)
    found = repeats_in(tensor(np.append(RANDOM.choice(levels, 4000), [levels[3]] * 30)))
    assert found.step is None
    assert found.atoms[0][0] == levels[3]


def test_a_weight_counts_a_row_as_often():
    values = tensor(NORMAL[:100])
    values[:10] = 0
    weight = torch.ones(100, dtype=torch.float64)
    weight[:10] = 9
    ((value, share),) = repeats_in(values, weight).atoms
    assert (value, share) == (0, pytest.approx(0.5))


def test_a_grid_is_told_from_what_only_repeats():
    assert grid_step(tensor([64.6, 62.9, 64.6, 59.5])) == pytest.approx(1.7)
    assert grid_step(tensor([0.1, 0.2, 0.3, 0.3, 0.7])) == pytest.approx(0.1)
    continuous = tensor(NORMAL[:100])
    assert grid_step(continuous) is None
    continuous[:30] = 0  # atoms
    assert grid_step(continuous) is None
    assert grid_step(torch.ones(3, dtype=torch.float64)) is None


@pytest.mark.parametrize("rows", [300, 3000, 30_000])
def test_the_cell_of_an_atom_holds_few_other_values_however_many_rows_there_are(rows):
    random = np.random.default_rng(1)
    values = np.where(random.random(rows) < 0.3, 0, random.exponential(1, rows))
    [(low, high)] = repeats_in(tensor(values)).cells
    assert low == -high  # nothing is below
    others = np.mean((values > 0) & (values < high))
    assert 0 <= others < 0.03 * np.mean(values == 0)
    assert 0.002 < high < 0.02


def test_the_cells_of_atoms_reach_half_the_way_to_values_that_are_far():
    values = np.where(RANDOM.random(1000) < 0.3, 0, 10 + NORMAL[:1000])
    [(low, high)] = repeats_in(tensor(values)).cells
    assert low == -high
    assert values[values > 0].min() / 2 <= high < 4.5
    mostly = np.append(np.zeros(980), 10 + NORMAL[:20])
    [(low, high)] = repeats_in(tensor(mostly)).cells
    assert high == pytest.approx(5, rel=0.1)


def test_cells_of_values_on_no_grid_meet_half_way():
    counts = np.log1p(RANDOM.poisson(3, 1000))
    found = repeats_in(tensor(counts))
    ends = np.array(found.cells)
    np.testing.assert_allclose(ends[1:, 0], ends[:-1, 1])
    middles = np.log1p(np.arange(6))
    np.testing.assert_allclose(ends[:5, 1], (middles[1:] + middles[:-1]) / 2)
    assert ends[0, 0] == pytest.approx(-ends[0, 1])


def test_cells_of_atoms_on_a_fine_grid_end_between_its_points():
    found = repeats_in(tensor(np.where(RANDOM.random(20_000) < 0.4, 0, np.round(PRICES))))
    assert (found.grid_step, found.step) == (1, None)
    for end in found.cells[0]:
        assert abs(abs(end) / found.grid_step % 1 - 0.5) < 1e-6


def test_a_grid_that_matters_and_values_that_do_not_repeat_have_no_cells():
    visits = np.where(RANDOM.random(2000) < 0.6, 0, RANDOM.poisson(4, 2000))
    assert repeats_in(tensor(visits)).cells == ()
    assert repeats_in(tensor(NORMAL)).cells == ()

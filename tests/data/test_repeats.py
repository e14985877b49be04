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

"""The distance from uniform and what chance makes of it, against scipy and by simulation."""

import math

import pytest
import torch
from scipy import stats

from mdn.metrics import ks_critical, ks_distance, pit_distance


@pytest.mark.parametrize("rows", [5, 30, 1000])
def test_the_critical_value_is_that_of_the_kolmogorov_distribution(rows):
    assert ks_critical(rows) == pytest.approx(stats.kstwo.ppf(0.95, rows), rel=3e-3)


def test_the_distance_is_that_of_scipy():
    values = torch.rand(200, dtype=torch.float64) ** 1.2
    found = pit_distance(values)
    assert found.distance == pytest.approx(stats.kstest(values, "uniform").statistic)
    assert found.distance == pytest.approx(ks_distance(values).item())
    assert found.critical == ks_critical(200)


def test_a_weight_counts_a_row_as_often():
    values = torch.rand(50, dtype=torch.float64)
    times = torch.arange(50) % 3
    weighted = pit_distance(values, times.double())
    assert weighted.distance == pytest.approx(
        pit_distance(values.repeat_interleave(times)).distance
    )
    effective = (times.sum() ** 2 / (times**2).sum()).item()
    assert weighted.critical == pytest.approx(ks_critical(effective))
    assert pit_distance([*values.tolist(), math.nan], [1.0] * 50 + [0.0]) == pit_distance(values)


def test_a_transform_that_is_not_a_number_is_not_within_chance():
    found = pit_distance([0.5, math.nan])
    assert math.isnan(found.distance)
    assert not found.within_chance


@pytest.mark.parametrize("weighted", [False, True])
def test_chance_exceeds_the_critical_value_in_one_of_twenty_cases(weighted):
    weight = torch.rand(150, dtype=torch.float64) if weighted else None
    found = [pit_distance(torch.rand(150, dtype=torch.float64), weight) for _ in range(1000)]
    assert sum(not each.within_chance for each in found) / 1000 == pytest.approx(0.05, abs=0.025)


@pytest.mark.parametrize(
    ("transforms", "weight"),
    [([], None), ([0.5], [0.0]), ([0.5], [-1.0]), ([0.5, 0.6], [1.0])],
)
def test_what_tells_no_distance_is_refused(transforms, weight):
    with pytest.raises(ValueError, match="a distance takes the transforms"):
        pit_distance(transforms, weight)


def test_several_targets_are_refused():
    with pytest.raises(ValueError, match="one target"):
        pit_distance(torch.rand(5, 2))

"""Reliability diagram, PIT histogram and coverage curve."""

import numpy as np
import pytest
import torch
from scipy import stats

from mdn.plotting import coverage_figure, pit_figure, reliability_figure
from mdn.plotting.chance import chance_interval
from mdn.plotting.coverage import excess_coverage
from mdn.plotting.pit_histogram import number_of_bins
from mdn.plotting.reliability import empirical_distribution

F64 = torch.float64
ODD_NAMES = ["price ($)", "<b>rent</b>", "", "a", "b", "c", "one too many"]


def transforms(rows, targets=1):
    return torch.rand(rows, targets, dtype=F64).square()


@pytest.mark.parametrize("rows", [20, 132, 5000])
@pytest.mark.parametrize("probability", [0.02, 0.3, 0.5, 0.95])
def test_chance_holds_a_binomial_share_95_times_in_100(rows, probability):
    low, high = chance_interval(probability, rows)
    exact = np.array(stats.binom.interval(0.95, rows, probability)) / rows
    np.testing.assert_allclose([low, high], exact, atol=1.6 / rows)


@pytest.mark.parametrize("rows", [200, 20_000])
def test_the_distribution_is_the_share_of_rows_at_or_below(rows):
    values = transforms(rows)[:, 0]
    level, share = empirical_distribution(values)
    assert (level[[0, -1]].tolist(), share[[0, -1]].tolist()) == ([0, 1], [0, 1])
    assert (np.diff(level) >= 0).all()
    for stated in (0.1, 0.5, 0.9):
        drawn = share[np.searchsorted(level, stated, side="right") - 1]
        assert drawn == pytest.approx(np.mean(values.numpy() <= stated))
    assert len(level) <= 2002


def test_the_reliability_diagram_draws_each_target_with_its_name():
    pit = transforms(150, targets=2)
    axes = reliability_figure(pit, ODD_NAMES[:2]).axes[0]
    lines = {line.get_label().replace(r"\$", "$"): line for line in axes.lines}
    for target, name in enumerate(ODD_NAMES[:2]):
        drawn = lines[name].get_xydata()
        np.testing.assert_array_equal(drawn[1:-1:2, 0], np.sort(pit[:, target]))
    assert len({line.get_linestyle() for line in lines.values()}) == 2


def test_the_histogram_has_the_heights_of_numpy_and_the_band_of_the_binomial():
    pit = transforms(300)
    axes = pit_figure(pit, ["speed"]).axes[0]
    expected, _ = np.histogram(pit.numpy(), number_of_bins(300), (0, 1), density=True)
    bars = axes.patches[0].get_data().values
    np.testing.assert_allclose(bars, expected)
    low, high = (line.get_ydata()[0] for line in axes.lines[:2])
    bins = number_of_bins(300)
    exact = np.array(stats.binom.interval(0.95, 300, 1 / bins)) * bins / 300
    np.testing.assert_allclose([low, high], exact, atol=1.01 * bins / 300)


def test_few_rows_make_few_bins():
    assert [number_of_bins(rows) for rows in (3, 150, 10_000)] == [4, 10, 20]


def test_excess_coverage_is_what_is_inside_less_what_was_stated():
    pit = transforms(400)[:, 0]
    level, excess = excess_coverage(2 * (pit - 0.5).abs())
    for stated in (0.5, 0.9):
        inside = np.mean((pit >= (1 - stated) / 2).numpy() & (pit <= (1 + stated) / 2).numpy())
        place = np.searchsorted(level, stated, side="right") - 1
        assert excess[place] + level[place] == pytest.approx(inside)


def test_the_coverage_curve_names_intervals_and_regions():
    figure = coverage_figure(transforms(90, targets=2), transforms(50)[:, 0], ["a", "b"])
    (legend,) = figure.legends
    shown = {text.get_text() for text in legend.get_texts()}
    wanted = {"central interval of a", "central interval of b", "highest-density region"}
    assert shown == {*wanted, "chance, 50 rows (95 %)"}


@pytest.mark.parametrize("rows", [1, 60])
def test_any_number_of_targets_is_drawn(tmp_path, rows):
    pit = transforms(rows, targets=len(ODD_NAMES))
    figures = [
        reliability_figure(pit, ODD_NAMES),
        pit_figure(pit, ODD_NAMES),
        coverage_figure(pit, pit[:, 0], ODD_NAMES),
    ]
    for i, figure in enumerate(figures):
        figure.savefig(tmp_path / f"{i}.png", dpi=20)

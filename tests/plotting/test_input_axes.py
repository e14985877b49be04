"""Figures of inputs that are levels or moments, or are missing in some rows."""

import math

import pytest
import torch

from mdn.distributions.mixture import GaussianMixture
from mdn.distributions.scale import DiagonalScale
from mdn.plotting import density_figure, partial_dependence_figure, slices_figure
from mdn.plotting.informative_input import rank_inputs, with_input
from mdn.plotting.input_axes import LevelAxis, NumberAxis, TimeAxis

F64 = torch.float64
LEVELS = ("north", "east", "south $")
DAY = 86_400.0
AXES = [LevelAxis(LEVELS), TimeAxis(), NumberAxis()]
NAMES = ["side", "day", "size"]


def model(targets):
    """The level decides the mean; rows that lack it have a wide density."""

    def predict(x):
        level, lacks = x[:, 0].nan_to_num(nan=1.5), x[:, 0].isnan()
        mu = level[:, None, None].repeat(1, 1, targets)
        std = torch.where(lacks, 1.2, 0.1).to(F64)[:, None, None].expand(mu.shape)
        return GaussianMixture(torch.zeros(len(x), 1, dtype=F64), mu, DiagonalScale(std, targets))

    return predict


@pytest.fixture
def rows():
    generator = torch.Generator().manual_seed(0)
    level = torch.randint(4, (200,), generator=generator).to(F64)
    day = DAY * torch.randint(19_000, 19_500, (200,), generator=generator).to(F64)
    x = torch.stack([level, day, torch.rand(200, generator=generator, dtype=F64)], -1)
    y = level[:, None] + 0.1 * torch.randn(200, 2, generator=generator, dtype=F64)
    for column in range(3):
        x[torch.randperm(200, generator=generator)[:60], column] = math.nan
    return x, y


@pytest.mark.parametrize("targets", [1, 2, 3])
def test_levels_are_named_and_rows_with_gaps_are_drawn(rows, targets):
    x, y = rows[0], rows[1][:, [0, 1, 0][:targets]]
    names = [f"y{i}" for i in range(targets)]
    figure = density_figure(model(targets), x, y, NAMES, names, AXES)
    figure.draw_without_rendering()
    if targets == 1:
        axes = figure.axes[0]
        assert axes.get_xlabel() == "side"
        shown = [label.get_text() for label in axes.get_xticklabels()]
        assert shown == ["north", "east", r"south \$", "others"]
    if targets == 2:
        titles = {axes.get_title() for axes in figure.axes if axes.get_visible()}
        assert titles == {"side: north", "side: east", r"side: south \$", "side: others"}


def test_slices_show_the_most_frequent_levels(rows):
    figure = slices_figure(model(2), *rows, NAMES, ["a", "b"], AXES)
    shown = {axes.get_ylabel() for axes in figure.axes} - {""}
    assert shown == {f"side\n= {level}" for level in ("north", "east", r"south \$", "others")}


def test_partial_dependence_has_an_axis_for_each_kind(rows):
    x, y = rows
    figure = partial_dependence_figure(model(2), x, y, NAMES, ["a", "b"], 0, AXES)
    figure.draw_without_rendering()
    ticks = {
        axes.get_xlabel(): [label.get_text() for label in axes.get_xticklabels()]
        for axes in figure.axes
    }
    assert ticks["side"] == ["north", "east", r"south \$", "others"]
    assert all(text[:3] == "202" for text in ticks["day"] if text)


def test_rows_without_a_value_are_like_each_other_alone(rows):
    x, y = rows
    assert rank_inputs(model(2), x, y)[0] == 0
    some, _ = with_input(x, y, 0)
    assert len(some) == 140
    nothing = torch.full((3, 1), math.nan, dtype=F64)
    assert with_input(nothing, y[:3], 0)[0].tolist() == [[0.0]] * 3


def test_a_usual_value_is_a_frequent_level_or_a_median_of_what_is_there():
    values = torch.tensor([2.0, 1.0, 2.0, math.nan, 0.0], dtype=F64)
    assert LevelAxis(LEVELS).usual(values) == 2.0
    assert NumberAxis().usual(values) == 1.0
    assert math.isnan(LevelAxis(LEVELS).usual(torch.tensor([math.nan])))
    assert TimeAxis().text(DAY) == "1970-01-02"
    assert TimeAxis().text(1e300) == "1e+300"

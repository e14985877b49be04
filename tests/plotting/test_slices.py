import numpy as np
import pytest
import torch
from branches import F64, density, predict, rows

from mdn.plotting import slices_figure
from mdn.plotting.input_axes import NumberAxis, number_axes
from mdn.plotting.slices import num_marked_rows, rows_at


def figure_of(inputs, count=200):
    x, y = rows(count, inputs)
    names = [f"in {j} ($)" for j in range(inputs)]
    return x, y, slices_figure(predict, x, y, names, ["up", "noise"])


def area(collection):
    """Of filled polygons, by the shoelace formula."""
    corners = [path.vertices for path in collection.get_paths()]
    return sum(abs(np.sum(v[:-1, 0] * v[1:, 1] - v[1:, 0] * v[:-1, 1])) / 2 for v in corners)


def test_curves_are_the_conditional_density_and_the_dark_part_holds_90_percent():
    x, _, figure = figure_of(inputs=3)
    panels = np.array(figure.axes).reshape(-1, 2)
    for axes, place in zip(panels[:, 0], NumberAxis().slices(x[:, 0]).tolist(), strict=True):
        value, height = axes.lines[0].get_xydata().T
        np.testing.assert_allclose(height, density(place, value), atol=2e-3)
        whole, dark = axes.collections[:2]
        assert area(dark) / area(whole) == pytest.approx(0.9, abs=0.03)


def test_values_are_quantiles_with_the_largest_first_and_none_twice():
    values = torch.arange(1001, dtype=F64)
    assert NumberAxis().slices(values).tolist() == [900, 700, 500, 300, 100]
    assert NumberAxis().slices(torch.tensor([0.0, 0.0, 0.0, 1.0], dtype=F64)).tolist() == [1, 0]


def test_other_inputs_stay_at_their_medians():
    x, _ = rows(101, 3)
    moved = rows_at(x, 1, torch.tensor([5.0, 6.0], dtype=F64), number_axes(x.shape[1]))
    assert moved[:, 1].tolist() == [5, 6]
    np.testing.assert_array_equal(
        moved[:, [0, 2]], np.median(x.numpy(), 0)[[0, 2]][None].repeat(2, 0)
    )


def test_a_single_input_has_the_rows_nearest_to_each_value():
    x, y, figure = figure_of(inputs=1)
    panels = np.array(figure.axes).reshape(-1, 2)
    for axes, place in zip(panels[:, 0], NumberAxis().slices(x[:, 0]).tolist(), strict=True):
        marks = sorted(segment[0, 0] for segment in axes.collections[2].get_segments())
        nearest = np.argsort(np.abs(x[:, 0].numpy() - place))[: num_marked_rows(200)]
        np.testing.assert_allclose(marks, np.sort(y[nearest, 0]))


def test_names_are_the_users(tmp_path):
    _, _, figure = figure_of(inputs=2, count=5)
    figure.savefig(tmp_path / "a.png", dpi=20)
    shown = {axes.get_xlabel() for axes in figure.axes}
    assert {"up", "noise"} <= shown
    assert all(r"in 0 (\$)" in axes.get_ylabel() for axes in figure.axes[::2])

import numpy as np
import torch

from mdn.plotting import pool_usage_figure

EPOCH = torch.tensor([5.0, 10.0])
WEIGHT = {"largest": torch.tensor([0.1, 0.2]), "smallest": torch.tensor([1e-3, 0.0])}
EFFECTIVE = {"of rows": torch.tensor([60.0, 20.0])}


def test_weights_are_in_units_of_an_equal_share_and_zero_can_be_drawn():
    figure = pool_usage_figure(EPOCH, WEIGHT, EFFECTIVE, 80)
    figure.draw_without_rendering()
    left, right = figure.axes
    lines = {line.get_label(): line.get_ydata() for line in left.lines + right.lines}
    np.testing.assert_allclose(lines["largest"], [8, 16], rtol=1e-6)
    np.testing.assert_allclose(lines["smallest"], [0.08, 1e-5], rtol=1e-6)
    np.testing.assert_allclose(lines["of rows"], [60, 20])
    assert right.get_ylim()[1] > 80


def test_legends_name_the_lines_and_nothing_else():
    left, right = pool_usage_figure(EPOCH, WEIGHT, EFFECTIVE, 80).axes
    assert [text.get_text() for text in left.get_legend().get_texts()] == list(WEIGHT)
    assert [text.get_text() for text in right.get_legend().get_texts()] == list(EFFECTIVE)


def test_one_epoch_has_a_figure():
    one = {name: values[:1] for name, values in WEIGHT.items()}
    figure = pool_usage_figure(EPOCH[:1], one, {"of rows": torch.tensor([3.0])}, 80)
    figure.draw_without_rendering()

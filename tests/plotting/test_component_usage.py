import numpy as np
import torch

from mdn.plotting import usage_figure
from mdn.plotting.component_usage import shades

WEIGHT = torch.tensor([[0.5, 0.01, 0.4, 0.09], [0.6, 0.0, 0.3, 0.1]])


def test_bands_lie_on_top_of_each_other_in_order():
    figure = usage_figure(torch.tensor([5.0, 10.0]), WEIGHT)
    axes = figure.axes[0]
    for k, line in enumerate(axes.lines):
        np.testing.assert_allclose(line.get_ydata(), WEIGHT[:, : k + 1].sum(1), rtol=1e-6)
        np.testing.assert_array_equal(line.get_xdata(), [5, 10])


def test_numbers_stand_in_the_middle_of_bands_with_room():
    axes = usage_figure(torch.tensor([5.0, 10.0]), WEIGHT).axes[0]
    numbers = {text.get_text(): text.xy[1] for text in axes.texts if text.get_text().isdigit()}
    assert set(numbers) == {"0", "2", "3"}
    np.testing.assert_allclose([numbers["0"], numbers["2"], numbers["3"]], [0.3, 0.75, 0.95])


def test_neighbours_that_are_seen_differ():
    drawn = shades(WEIGHT)
    assert drawn[0] != drawn[2] != drawn[3]
    assert drawn[1] not in (drawn[0], drawn[2])


def test_one_epoch_has_a_figure(tmp_path):
    usage_figure(torch.tensor([5.0]), WEIGHT[:1]).savefig(tmp_path / "a.png", dpi=20)

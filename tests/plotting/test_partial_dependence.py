import numpy as np
import pytest
import torch
from branches import F64, density, predict, rows
from scipy import stats

from mdn.distributions.mixture import GaussianMixture
from mdn.distributions.scale import DiagonalScale
from mdn.plotting import partial_dependence_figure
from mdn.plotting.informative_input import rank_inputs
from mdn.plotting.partial_dependence import partial_dependence, quantile_along


def both_matter(x):
    """y ~ N(x0 + 3 x1, 0.5^2)."""
    mu = (x[:, 0] + 3 * x[:, 1])[:, None, None]
    return GaussianMixture(
        torch.zeros_like(mu[..., 0]), mu, DiagonalScale(torch.full_like(mu, 0.5), 1)
    )


def test_it_is_the_average_over_rows_with_one_input_set():
    x, _ = rows(30, 2)
    cells = torch.linspace(-3, 15, 721, dtype=F64)
    places = torch.tensor([0.0, 2.5], dtype=F64)
    found = partial_dependence(both_matter, x, 0, places, cells, 0)
    centers = ((cells[1:] + cells[:-1]) / 2).numpy()
    for place, curve in zip(places.tolist(), found, strict=True):
        each = [stats.norm.pdf(centers, place + 3 * row, 0.5) for row in x[:, 1].tolist()]
        np.testing.assert_allclose(curve, np.mean(each, 0), atol=1e-3)


def test_it_does_not_speak_of_inputs_that_go_along():
    x = torch.rand(30, 1, dtype=F64).repeat(1, 2)
    cells = torch.linspace(-20, 20, 81, dtype=F64)
    places = torch.tensor([0.0, 1.0], dtype=F64)
    low, high = partial_dependence(predict, x, 1, places, cells, 0)
    torch.testing.assert_close(low, high)


def test_of_several_targets_it_is_about_one():
    x, _ = rows(30, 2)
    cells = torch.linspace(-4, 4, 401, dtype=F64)
    centers = ((cells[1:] + cells[:-1]) / 2).numpy()
    place = torch.tensor([1.0], dtype=F64)
    of_first, of_second = (partial_dependence(predict, x, 0, place, cells, d)[0] for d in (0, 1))
    np.testing.assert_allclose(of_first, density(1.0, centers), atol=1e-3)
    np.testing.assert_allclose(of_second, stats.norm.pdf(centers, 0, 0.5), atol=1e-3)


def test_quantiles_lie_between_cells_where_they_should():
    cells = torch.linspace(-6, 6, 121, dtype=F64)
    held = torch.tensor(np.diff(stats.norm.cdf(cells.numpy())) / 0.1)
    for level in (0.05, 0.5, 0.95):
        (found,) = quantile_along(held[None], cells, level)
        assert found.item() == pytest.approx(stats.norm.ppf(level), abs=4e-3)


def test_inputs_come_in_the_order_of_what_they_tell():
    x, _ = rows(400, 3)
    assert rank_inputs(both_matter, x, both_matter(x).sample()) == [1, 0, 2]


@pytest.mark.parametrize(("inputs", "target"), [(2, 0), (3, 1), (6, 0)])
def test_the_figure_has_the_users_names(tmp_path, inputs, target):
    x, y = rows(40, inputs)
    names = [f"in {j}" for j in range(inputs)]
    figure = partial_dependence_figure(predict, x, y, names, ["up $", "noise"], target)
    figure.savefig(tmp_path / "a.png", dpi=20)
    shown = {axes.get_xlabel() for axes in figure.axes} & set(names)
    assert len(shown) == min(4, inputs)
    assert {r"up \$", "noise"} & {axes.get_ylabel() for axes in figure.axes} == {
        [r"up \$", "noise"][target]
    }

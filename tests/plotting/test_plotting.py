import math

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure
from scipy import stats

from mdn.distributions.mixture import GaussianMixture
from mdn.distributions.scale import CovarianceFactor, DiagonalScale
from mdn.plotting import density_figure
from mdn.plotting.ellipses import batch_moments, ellipse, pair_of
from mdn.plotting.histogram import histogram_figure
from mdn.plotting.informative_input import most_informative_input, nearest
from mdn.plotting.input_axes import thin_slices
from mdn.plotting.one_target import cell_density, density_along, usual_peak
from mdn.plotting.style import limits
from mdn.plotting.two_targets import plane_grid, region_levels

F64 = torch.float64


def one_target(x):
    """Two branches, y = x + 2 and y = -x - 2, whatever the other inputs."""
    x = x[:, -1:]
    mu = torch.stack([x + 2, -x - 2], -2)
    log_pi = torch.log(torch.tensor([0.3, 0.7], dtype=F64)).expand(len(x), 2)
    return GaussianMixture(log_pi, mu, DiagonalScale(torch.full((len(x), 2, 1), 0.5, dtype=F64), 1))


def exact(x, y):
    """The density of `one_target` as scipy has it."""
    return 0.3 * stats.norm.pdf(y, x + 2, 0.5) + 0.7 * stats.norm.pdf(y, -x - 2, 0.5)


def rows(count, inputs):
    x = torch.rand(count, inputs, dtype=F64) * 3
    return x, one_target(x).sample()


# The density over an input.


def test_a_cell_holds_its_exact_probability(make_mixture):
    mixture = make_mixture(components=3, targets=1)
    cells = torch.linspace(-2, 2, 9, dtype=F64)
    pi, mu, sigma = (
        v.squeeze(-1) if v.ndim > 1 else v for v in (mixture.pi, mixture.mu, mixture.sigma)
    )
    cdf = (pi * torch.tensor(stats.norm.cdf(cells[:, None], mu, sigma))).sum(-1)
    torch.testing.assert_close(cell_density(mixture, cells), cdf.diff() / 0.5)


def test_a_spike_narrower_than_a_cell_loses_no_mass():
    spike = GaussianMixture(
        torch.zeros(1, dtype=F64),
        torch.full((1, 1), 0.123, dtype=F64),
        DiagonalScale(torch.full((1, 1), 1e-9, dtype=F64), 1),
    )
    cells = torch.linspace(-1, 1, 41, dtype=F64)
    density = cell_density(spike, cells)
    assert (density * cells.diff()).sum().item() == pytest.approx(1)
    assert (density > 0).sum() == 1


def test_with_one_input_the_heat_map_is_the_models_density():
    x, _ = rows(10, inputs=1)
    places, cells = torch.tensor([0.5, 2.0], dtype=F64), torch.linspace(-12, 12, 4001, dtype=F64)
    density = density_along(one_target, x, 0, places, cells)
    centers = ((cells[1:] + cells[:-1]) / 2).numpy()
    np.testing.assert_allclose(density[1].numpy(), exact(2.0, centers), atol=1e-5)
    torch.testing.assert_close((density * cells.diff()).sum(-1), torch.ones(2, dtype=F64))


def test_with_several_inputs_it_is_the_average_over_rows_alike_in_one():
    x = torch.cat([torch.zeros(24, 2), torch.ones(24, 2)]).double()
    x[:, 1] = torch.rand(48, dtype=F64)
    cells = torch.linspace(-6, 6, 301, dtype=F64)
    density = density_along(one_target, x, 0, torch.tensor([0.0, 1.0], dtype=F64), cells)
    centers = ((cells[1:] + cells[:-1]) / 2).numpy()
    for place, alike in zip(density, (x[:24], x[24:]), strict=True):
        average = np.mean([exact(row[1].item(), centers) for row in alike], 0)
        np.testing.assert_allclose(place.numpy(), average, atol=1e-3)


def test_the_input_that_tells_most_is_found_where_the_mean_tells_nothing():
    x, _ = rows(300, inputs=4)

    def symmetric(x):
        mixture = one_target(x)
        return GaussianMixture(mixture.log_pi * 0 - math.log(2), mixture.mu, mixture.scale)

    y = symmetric(x).sample()
    assert most_informative_input(symmetric, x, y) == 3
    assert (
        most_informative_input(lambda x: symmetric(x[:, [3, 2, 1, 0]]), x[:, [3, 2, 1, 0]], y) == 0
    )


def test_nearest_rows_are_nearest():
    values = torch.tensor([5.0, 1.0, 3.0, 9.0])
    found = nearest(values, torch.tensor([0.0, 8.5]), 2)
    assert [set(row) for row in found.tolist()] == [{1, 2}, {3, 0}]


def test_the_colors_end_where_the_data_are_not_at_a_spike():
    density = torch.tensor([[1.0, 2.0], [50.0, 0.0]])
    columns = torch.tensor([0.0, 1.0, 2.0])
    values = torch.tensor([0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 1.5])
    assert usual_peak(density, columns, values) == 2


# The plane of two targets.


def test_an_ellipse_of_a_known_covariance_has_its_axes():
    angle = math.radians(30)
    turn = torch.tensor([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    outline = ellipse(
        torch.tensor([1.0, -2.0]), turn @ torch.diag(torch.tensor([9.0, 1.0])) @ turn.T, 2.0
    )
    assert outline.center == (1, -2)
    assert (outline.width, outline.height) == pytest.approx((12, 4), rel=1e-5)
    assert outline.angle % 180 == pytest.approx(30, rel=1e-4)


def test_the_ends_of_an_ellipse_are_at_its_radius(make_mixture):
    covariance = make_mixture(components=1).scale.covariance()[0]
    outline = ellipse(torch.zeros(2, dtype=F64), covariance, 1.5)
    ends = np.array([*outline.get_vertices(), *outline.get_co_vertices()])
    distance = np.sqrt(np.einsum("ni,ij,nj->n", ends, np.linalg.inv(covariance), ends))
    np.testing.assert_allclose(distance, 1.5)


def test_regions_of_a_gaussian_hold_what_they_say():
    grid, area = plane_grid((-6.0, 6.0), (-6.0, 6.0), F64)
    density = torch.tensor(stats.multivariate_normal(np.zeros(2)).pdf(grid.numpy()))
    shares = [0.95, 0.8, 0.5]
    expected = [(1 - share) / (2 * math.pi) for share in shares]
    np.testing.assert_allclose(region_levels(density, area, shares), expected, rtol=0.02)


def test_levels_rise_even_on_a_density_that_is_all_in_one_cell():
    density = torch.zeros(5, 5, dtype=F64)
    density[2, 2] = 1
    assert (np.diff(region_levels(density, 1.0, [0.95, 0.8, 0.5])) > 0).all()


def test_moments_of_a_component_are_those_of_its_draws_over_the_batch(make_mixture):
    mixtures = make_mixture(3, components=2)
    weight, mu, covariance = batch_moments(mixtures)
    torch.testing.assert_close(weight, mixtures.pi.mean(0))
    share = (mixtures.pi / mixtures.pi.sum(0))[:, 1]
    second = GaussianMixture(
        share.log(), mixtures.mu[:, 1], DiagonalScale(torch.ones(3, 2, dtype=F64), 2)
    )
    torch.testing.assert_close(mu[1], second.mean)
    within = mixtures.scale.covariance().expand(3, 2, 2, 2)[:, 1]
    between = second.covariance - torch.eye(2, dtype=F64)
    torch.testing.assert_close(covariance[1], (share[:, None, None] * within).sum(0) + between)


def test_slices_are_thin_and_in_order():
    values = torch.rand(1200, dtype=F64)
    parts = [values[part] for part in thin_slices(values, 6)]
    assert all(part.max() - part.min() < 0.1 for part in parts)
    middles = torch.stack([part.mean() for part in parts])
    np.testing.assert_allclose(middles, np.arange(1, 12, 2) / 12, atol=0.05)


def test_slices_of_few_rows_have_some():
    assert all(len(part) for part in thin_slices(torch.rand(2), 6))


# More targets.


def test_a_marginal_is_that_of_the_dense_covariance(make_mixture):
    mixture = make_mixture(components=2, targets=3)
    y = torch.randn(5, 1, dtype=F64)
    covariance = mixture.scale.covariance().expand(2, 3, 3)
    expected = sum(
        mixture.pi[k].item() * stats.norm.pdf(y[:, 0], mixture.mu[k, 1], covariance[k, 1, 1].sqrt())
        for k in range(2)
    )
    np.testing.assert_allclose(mixture.marginal([1]).log_prob(y).exp(), expected)


def test_a_pair_is_cut_out_of_all_targets():
    mu = torch.arange(3.0)[None]
    covariance = torch.arange(9.0).reshape(1, 3, 3)
    _, mu, covariance = pair_of((torch.ones(1), mu, covariance), 2, 0)
    assert mu.tolist() == [[2, 0]]
    assert covariance.tolist() == [[[8, 6], [2, 0]]]


# Whole figures.


def labels(figure: Figure) -> set[str]:
    axes = [f(a) for a in figure.axes for f in (lambda a: a.get_xlabel(), lambda a: a.get_ylabel())]
    return {text for text in (*axes, figure.get_supxlabel(), figure.get_supylabel()) if text}


def test_a_heat_map_shows_the_density_under_the_data():
    x, y = rows(50, inputs=1)
    figure = density_figure(one_target, x, y, ["in"], ["out"])
    axes, bar = figure.axes
    shade, points = axes.collections
    np.testing.assert_allclose(np.sort(points.get_offsets(), 0), np.sort(torch.cat([x, y], 1), 0))
    assert {"in", "out", "density of out given in"} == labels(figure)
    most = float(bar.get_yticklabels()[-1].get_text().removeprefix("≥ "))
    left, right = axes.get_xlim()
    bottom, top = axes.get_ylim()
    place, value = left + (right - left) * 60.5 / 240, bottom + (top - bottom) * 100.5 / 240
    shown = most * shade.get_array()[100, 60] ** 2
    assert shown == pytest.approx(min(most, exact(place, value)), rel=0.1)


def test_the_label_of_the_colors_is_no_longer_than_the_figure_is_high():
    x, y = rows(50, inputs=2)
    names = ["input", "another input"], ["a target [and its unit]"]
    figure = density_figure(lambda x: one_target(x[:, :1]), x, y, *names)
    figure.draw_without_rendering()
    label = figure.axes[1].yaxis.label
    assert "\n" in label.get_text()
    extent = label.get_window_extent()
    assert extent.y0 >= 0
    assert extent.y1 <= figure.bbox.height


def test_a_histogram_and_its_density_have_the_same_area():
    mixture = one_target(torch.zeros(1, 1, dtype=F64))[0]
    y = mixture.sample((500,))
    axes = histogram_figure(mixture, y, ["y"]).axes[0]
    bars = sum(bar.get_width() * bar.get_height() for bar in axes.patches)
    curve = axes.lines[-1].get_xydata()
    assert bars == pytest.approx(1, abs=0.01)
    assert np.trapezoid(curve[:, 1], curve[:, 0]) == pytest.approx(1, abs=0.01)
    np.testing.assert_allclose(curve[:, 1], exact(0.0, curve[:, 0]), atol=1e-4)
    parts = sum(line.get_ydata() for line in axes.lines[:-1])
    np.testing.assert_allclose(parts, curve[:, 1], atol=1e-12)


def random_mixture(targets):
    scale = torch.eye(targets, dtype=F64) + 0.3 * torch.randn(2, targets, targets, dtype=F64).tril(
        -1
    )
    log_pi = torch.tensor([0.4, 0.6], dtype=F64).log()
    mu = torch.randn(2, targets, dtype=F64)
    return GaussianMixture(log_pi, mu, CovarianceFactor.from_tril(scale))


@pytest.mark.parametrize(
    ("inputs", "targets"), [(0, 1), (1, 1), (3, 1), (0, 2), (1, 2), (3, 2), (0, 3), (1, 3), (1, 7)]
)
def test_every_shape_has_a_figure_with_the_users_names(tmp_path, inputs, targets):
    mixture = random_mixture(targets)
    x, y = torch.rand(40, inputs, dtype=F64), mixture.sample((40,))
    y[3] = torch.nan
    y[:, 0] = 1.0  # a column of one value
    names = [f"price {j} ($ a$b)" for j in range(targets)]
    inputs_named = [f"x{j}" for j in range(inputs)]
    figure = density_figure(lambda x: mixture.expand(len(x)), x, y, inputs_named, names)
    figure.savefig(tmp_path / "figure.png", dpi=20)
    shown = {label.replace(r"\$", "$") for label in labels(figure)}
    assert set(names[:6]) <= shown
    assert names[6:] == [] or names[6] not in shown


@pytest.mark.parametrize("targets", [1, 2, 3])
def test_one_row_has_a_figure(targets):
    mixture = random_mixture(targets)
    x, y = torch.zeros(1, 1, dtype=F64), torch.zeros(1, targets, dtype=F64)
    density_figure(lambda x: mixture.expand(len(x)), x, y, ["x"], ["y"] * targets)


def test_limits_hold_nearly_all_values_and_are_never_empty():
    low, high = limits(torch.cat([torch.linspace(0, 1, 1000), torch.tensor([1e9])]))
    assert -0.2 < low < 0
    assert 1 < high < 1.2
    low, high = limits(torch.tensor([3.0, 3.0]))
    assert low < 3 < high

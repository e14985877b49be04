"""Two targets: their plane, with contours of the density, an ellipse for each component, and data.

The shaded areas are highest-density regions: the smallest that hold 50, 80 and 95 % of the
probability.
"""

import math
from collections.abc import Sequence

import torch
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from mdn.distributions.abstract import Mixture
from mdn.plotting.ellipses import draw_components
from mdn.plotting.informative_input import (
    Predict,
    average_mixture,
    most_informative_input,
    with_input,
)
from mdn.plotting.input_axes import InputAxis
from mdn.plotting.style import (
    escape_dollars,
    limits,
    new_figure,
    region_colors,
    sample_rows,
    scatter,
)

_CELLS = 100
_SHARES = [0.95, 0.8, 0.5]
_PANELS = 6
_ONE_INPUT_ROWS, _MORE_INPUTS_ROWS = 4, 12
"""Rows of a slice to average a density over, for one input and for several."""
PLANE_LEGEND = (
    "shaded: regions that hold 50, 80 and 95 %; outlines: the main components at two sigma"
)
Range = tuple[float, float]


def plane_figure(mixture: Mixture, y: Float[Tensor, "N 2"], target_names: list[str]) -> Figure:
    """Draw one mixture over the plane of two targets."""
    figure = new_figure(6.4, 5.6)
    axes = figure.add_subplot()
    draw_plane(axes, mixture.expand(1), y, limits(y[:, 0]), limits(y[:, 1]))
    axes.set(xlabel=escape_dollars(target_names[0]), ylabel=escape_dollars(target_names[1]))
    axes.set_title(PLANE_LEGEND, fontsize=9)
    return figure


def planes_figure(
    predict: Predict,
    x: Float[Tensor, "N P"],
    y: Float[Tensor, "N 2"],
    input_names: list[str],
    target_names: list[str],
    input_axes: Sequence[InputAxis],
) -> Figure:
    """Draw the plane of two targets for rows that are similar in the most informative input."""
    chosen = most_informative_input(predict, x, y)
    x, y = with_input(x, y, chosen)
    axis, name = input_axes[chosen], escape_dollars(input_names[chosen])
    ends = limits(y[:, 0]), limits(y[:, 1])
    figure = new_figure(10.0, 6.4)
    panels = figure.subplots(2, _PANELS // 2, sharex=True, sharey=True).flat
    groups = axis.groups(x[:, chosen], _PANELS)
    most = _ONE_INPUT_ROWS if x.shape[-1] == 1 else _MORE_INPUTS_ROWS
    for axes in panels[len(groups) :]:
        axes.set_visible(False)
    for axes, rows in zip(panels, groups, strict=False):
        some = rows[sample_rows(len(rows), most)]
        draw_plane(axes, predict(x[some]), y[rows], *ends)
        axes.set_title(axis.between(name, x[rows, chosen]), fontsize=10)
    figure.suptitle(PLANE_LEGEND, fontsize=9)
    figure.supxlabel(escape_dollars(target_names[0]))
    figure.supylabel(escape_dollars(target_names[1]))
    return figure


def draw_plane(
    axes: Axes, mixtures: Mixture, y: Float[Tensor, "N 2"], across: Range, up: Range
) -> None:
    """Draw the mean density of a batch of mixtures, their average components, and data."""
    points, area = plane_grid(across, up, y.dtype)
    density = average_mixture(mixtures).log_prob(points).exp()
    levels = region_levels(density, area, _SHARES)
    grid = points[0, :, 0].numpy(), points[:, 0, 1].numpy()
    axes.contourf(*grid, density.numpy(), [*levels, math.inf], colors=region_colors(len(levels)))
    scatter(axes, y[:, 0], y[:, 1])
    draw_components(mixtures, axes)
    axes.set(xlim=across, ylim=up)


def plane_grid(
    across: Range, up: Range, dtype: torch.dtype
) -> tuple[Float[Tensor, "rows columns 2"], float]:
    """Return points on a grid, and the area that each stands for."""
    sides = [torch.linspace(*ends, _CELLS, dtype=dtype) for ends in (across, up)]
    grid = torch.stack(torch.meshgrid(*sides, indexing="xy"), -1)
    return grid, math.prod((side[1] - side[0]).item() for side in sides)


def region_levels(
    density: Float[Tensor, "rows columns"], area: float, shares: list[float]
) -> list[float]:
    """Return the density on the border of the highest-density region that holds each share.

    Shares fall, so levels rise; equal levels are spread a little, because contours must differ.
    """
    falling = density.flatten().sort(descending=True).values
    cumulative = (falling * area).cumsum(0)
    cumulative = cumulative / cumulative[-1].clamp(min=torch.finfo(cumulative.dtype).tiny)
    index = torch.searchsorted(cumulative, cumulative.new_tensor(shares)).clamp(
        max=len(falling) - 1
    )
    levels, step = falling[index], falling[0] * 1e-9 + torch.finfo(falling.dtype).tiny
    return (levels + step * torch.arange(len(shares))).tolist()

"""Two targets: their plane, with contours of the density, an ellipse for each component, and data.

The shaded areas are highest-density regions: the smallest that hold 50, 80 and 95 % of the
probability.
"""

import math
from collections.abc import Callable

import torch
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from mdn.distributions.mixture import GaussianMixture
from mdn.plotting.ellipses import draw_ellipses, moments
from mdn.plotting.informative_input import averaged, most_telling_input
from mdn.plotting.style import (
    limits,
    literal,
    new_figure,
    region_colours,
    scatter,
    some_rows,
)

_CELLS = 100
_SHARES = [0.95, 0.8, 0.5]
_PANELS = 6
_ALIKE, _UNLIKE = 4, 12
"""Rows of a slice that a density is averaged over, of a single input and of several."""
_LEGEND = "shaded: regions that hold 50, 80 and 95 %; ellipses: the main components at two sigma"
Range = tuple[float, float]


def plane_figure(
    mixture: GaussianMixture, y: Float[Tensor, "N 2"], target_names: list[str]
) -> Figure:
    """One mixture over the plane of two targets."""
    figure = new_figure(6.4, 5.6)
    axes = figure.add_subplot()
    draw_plane(axes, mixture.expand(1), y, limits(y[:, 0]), limits(y[:, 1]))
    axes.set(xlabel=literal(target_names[0]), ylabel=literal(target_names[1]))
    axes.set_title(_LEGEND, fontsize=9)
    return figure


def planes_figure(
    predict: Callable[[Float[Tensor, "N P"]], GaussianMixture],
    x: Float[Tensor, "N P"],
    y: Float[Tensor, "N 2"],
    input_names: list[str],
    target_names: list[str],
) -> Figure:
    """The plane of two targets for rows that are alike in the input that tells most about them."""
    chosen = most_telling_input(predict, x, y)
    ends = limits(y[:, 0]), limits(y[:, 1])
    figure = new_figure(10.0, 6.4)
    panels = figure.subplots(2, _PANELS // 2, sharex=True, sharey=True).flat
    most = _ALIKE if x.shape[-1] == 1 else _UNLIKE
    for axes, rows in zip(panels, slices(x[:, chosen]), strict=True):
        shown = rows[some_rows(len(rows), most)]
        draw_plane(axes, predict(x[shown]), y[rows], *ends)
        low, high = x[rows, chosen].aminmax()
        axes.set_title(f"{low:.3g} ≤ {literal(input_names[chosen])} ≤ {high:.3g}", fontsize=10)
    figure.suptitle(_LEGEND, fontsize=9)
    figure.supxlabel(literal(target_names[0]))
    figure.supylabel(literal(target_names[1]))
    return figure


def slices(values: Float[Tensor, " N"]) -> list[Tensor]:
    """Rows in thin slices about evenly spaced quantiles, in order of the value."""
    order, count = values.argsort(), len(values)
    half = max(10, min(count // (2 * _PANELS), round(2 * count**0.5))) // 2 + 1
    middles = [round((2 * i + 1) * count / (2 * _PANELS)) for i in range(_PANELS)]
    return [order[max(0, middle - half) : middle + half] for middle in middles]


def draw_plane(
    axes: Axes, mixtures: GaussianMixture, y: Float[Tensor, "N 2"], across: Range, up: Range
) -> None:
    """The mean density of a batch of mixtures, their components on average, and data."""
    points, area = plane_grid(across, up, y.dtype)
    density = averaged(mixtures).log_prob(points).exp()
    levels = region_levels(density, area, _SHARES)
    grid = points[0, :, 0].numpy(), points[:, 0, 1].numpy()
    axes.contourf(*grid, density.numpy(), [*levels, math.inf], colors=region_colours(len(levels)))
    scatter(axes, y[:, 0], y[:, 1])
    draw_ellipses(axes, *moments(mixtures))
    axes.set(xlim=across, ylim=up)


def plane_grid(
    across: Range, up: Range, dtype: torch.dtype
) -> tuple[Float[Tensor, "rows columns 2"], float]:
    """Points on a grid, and the area that each stands for."""
    sides = [torch.linspace(*ends, _CELLS, dtype=dtype) for ends in (across, up)]
    grid = torch.stack(torch.meshgrid(*sides, indexing="xy"), -1)
    return grid, math.prod((side[1] - side[0]).item() for side in sides)


def region_levels(
    density: Float[Tensor, "rows columns"], area: float, shares: list[float]
) -> list[float]:
    """The density on the border of the highest-density region that holds each share.

    Shares fall, so levels rise; equal ones are parted, because contours must be.
    """
    falling = density.flatten().sort(descending=True).values
    held = (falling * area).cumsum(0)
    held = held / held[-1].clamp(min=torch.finfo(held.dtype).tiny)
    index = torch.searchsorted(held, held.new_tensor(shares)).clamp(max=len(falling) - 1)
    levels, least = falling[index], falling[0] * 1e-9 + torch.finfo(held.dtype).tiny
    return (levels + least * torch.arange(len(shares))).tolist()

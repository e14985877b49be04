"""Partial dependence of a whole density on one input (Friedman 2001, for more than the mean).

The density of a target with one input set to v in every row, averaged over rows: what the model
says about v, with the other inputs as they come. Unlike the density of rows that happen to be
alike in that input, it does not speak of inputs that go along with it.
"""

from collections.abc import Callable

import torch
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.figure import Figure
from torch import Tensor

from mdn.distributions.mixture import GaussianMixture
from mdn.plotting.informative_input import averaged, by_telling
from mdn.plotting.one_target import cell_density, usual_peak
from mdn.plotting.style import density_colours, limits, literal, new_figure, some_rows

_PLACES, _CELLS = 60, 120
_MOST_INPUTS = 4
_AVERAGED = 32
"""The most rows that are averaged at each place: keeps a figure quick."""
_QUANTILES = {0.05: ":", 0.5: "-", 0.95: ":"}


@torch.no_grad()
def partial_dependence_figure(
    predict: Callable[[Float[Tensor, "N P"]], GaussianMixture],
    x: Float[Tensor, "N P"],
    y: Float[Tensor, "N D"],
    input_names: list[str],
    target_names: list[str],
    target: int = 0,
) -> Figure:
    """The partial dependence of one target on each of the inputs that tell most, up to four.

    Lines are the median and the 5 and 95 % quantiles; ticks below are deciles of the input.
    """
    shown = by_telling(predict, x, y)[:_MOST_INPUTS]
    cells = torch.linspace(*limits(y[:, target]), _CELLS + 1, dtype=y.dtype)
    columns = min(2, len(shown))
    lines = -(-len(shown) // columns)
    figure = new_figure(1.0 + 3.7 * columns, 0.6 + 2.9 * lines)
    panels = figure.subplots(lines, columns, sharey=True, squeeze=False)
    for axes, chosen in zip(panels.flat, shown, strict=False):
        edges = torch.linspace(*limits(x[:, chosen]), _PLACES + 1, dtype=x.dtype)
        centres = (edges[1:] + edges[:-1]) / 2
        density = partial_dependence(predict, x, chosen, centres, cells, target)
        _draw(axes, density / usual_peak(density, edges, x[:, chosen]), edges, cells)
        _mark_deciles(axes, x[:, chosen])
        axes.set_xlabel(literal(input_names[chosen]))
    for axes in panels.flat[len(shown) :]:
        axes.set_visible(False)
    for axes in panels[:, 0]:
        axes.set_ylabel(literal(target_names[target]))
    bar = figure.colorbar(ScalarMappable(cmap=density_colours()), ax=panels, pad=0.02)
    bar.set_ticks([0, 1], labels=["0", "high"])
    bar.set_label("density")
    return figure


def partial_dependence(
    predict: Callable[[Float[Tensor, "N P"]], GaussianMixture],
    x: Float[Tensor, "N P"],
    chosen: int,
    places: Float[Tensor, " G"],
    cells: Float[Tensor, " C"],
    target: int,
) -> Float[Tensor, "G cells"]:
    """Mean density of a target in each cell, with one input at each place in turn."""
    x = x[some_rows(len(x), _AVERAGED)]
    rows = x.repeat(len(places), 1, 1)
    rows[:, :, chosen] = places[:, None]
    return torch.stack(
        [cell_density(averaged(predict(each).marginal([target])), cells) for each in rows]
    )


def quantile_along(
    density: Float[Tensor, "G cells"], cells: Float[Tensor, " C"], level: float
) -> Float[Tensor, " G"]:
    """Where each row's probability passes a level, of what lies within the cells."""
    mass = density * cells.diff()
    held = mass.cumsum(-1)
    wanted = level * held[:, -1:]
    place = torch.searchsorted(held, wanted).clamp(max=mass.shape[-1] - 1)
    into = (wanted - (held - mass).gather(1, place)) / mass.gather(1, place)
    return (cells[place] + into * cells.diff()[place]).squeeze(-1)


def _draw(
    axes: Axes,
    density: Float[Tensor, "G cells"],
    edges: Float[Tensor, " E"],
    cells: Float[Tensor, " C"],
) -> None:
    shade = density.mT.clamp(max=1).sqrt().numpy()
    centres = ((edges[1:] + edges[:-1]) / 2).numpy()
    for level, dashes in _QUANTILES.items():
        line = quantile_along(density, cells, level).numpy()
        axes.plot(centres, line, color="black", linewidth=1.2, linestyle=dashes)
    colours = density_colours()
    where = edges.numpy(), cells.numpy()
    axes.pcolormesh(*where, shade, cmap=colours, vmin=0, vmax=1, rasterized=True)


def _mark_deciles(axes: Axes, values: Float[Tensor, " N"]) -> None:
    few = values[some_rows(len(values), 100_000)]
    deciles = few.quantile(torch.arange(1, 10, dtype=values.dtype) / 10).numpy()
    along = axes.get_xaxis_transform()
    axes.vlines(deciles, 0, 0.03, color="black", linewidth=0.8, transform=along)

"""Partial dependence of a whole density on one input (Friedman 2001, for more than the mean).

The density of a target with one input set to v in every row, averaged over rows: what the model
says about v, with the other inputs as they come. Unlike the density of rows that are similar in
that input, it does not depend on inputs that are correlated with it.
"""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.figure import Figure
from torch import Tensor

from mdn.plotting.informative_input import Predict, average_mixture, rank_inputs, with_input
from mdn.plotting.input_axes import InputAxis, number_axes
from mdn.plotting.one_target import cell_density, usual_peak
from mdn.plotting.style import density_colors, escape_dollars, limits, new_figure, sample_rows

_POSITIONS, _CELLS = 60, 120
_MOST_INPUTS = 4
_AVERAGED = 32
"""The most rows to average at each position, which keeps a figure quick."""
_QUANTILES = {0.05: ":", 0.5: "-", 0.95: ":"}


@torch.no_grad()
def partial_dependence_figure(
    predict: Predict,
    x: Float[Tensor, "N P"],
    y: Float[Tensor, "N D"],
    input_names: list[str],
    target_names: list[str],
    target: int = 0,
    input_axes: Sequence[InputAxis] | None = None,
) -> Figure:
    """Draw the partial dependence of one target on its most informative inputs, up to four.

    Lines are the median and the 5 and 95 % quantiles; ticks below are deciles of the input.
    """
    input_axes = input_axes or number_axes(x.shape[-1])
    inputs = rank_inputs(predict, x, y)[:_MOST_INPUTS]
    cells = torch.linspace(*limits(y[:, target]), _CELLS + 1, dtype=y.dtype)
    columns = min(2, len(inputs))
    lines = -(-len(inputs) // columns)
    figure = new_figure(1.0 + 3.7 * columns, 0.6 + 2.9 * lines)
    panels = figure.subplots(lines, columns, sharey=True, squeeze=False)
    for axes, chosen in zip(panels.flat, inputs, strict=False):
        axis, (values, _) = input_axes[chosen], with_input(x, y, chosen)
        edges = axis.edges(values[:, chosen], _POSITIONS)
        centers = (edges[1:] + edges[:-1]) / 2
        density = partial_dependence(predict, x, chosen, centers, cells, target)
        density = density / usual_peak(density, edges, values[:, chosen])
        _draw(axes, density, edges, cells, axis.is_ordered)
        if axis.is_ordered:
            _mark_deciles(axes, values[:, chosen])
        axis.mark(axes)
        axes.set_xlabel(escape_dollars(input_names[chosen]))
    for axes in panels.flat[len(inputs) :]:
        axes.set_visible(False)
    for axes in panels[:, 0]:
        axes.set_ylabel(escape_dollars(target_names[target]))
    bar = figure.colorbar(ScalarMappable(cmap=density_colors()), ax=panels, pad=0.02)
    bar.set_ticks([0, 1], labels=["0", "high"])
    bar.set_label("density")
    return figure


def partial_dependence(
    predict: Predict,
    x: Float[Tensor, "N P"],
    chosen: int,
    positions: Float[Tensor, " G"],
    cells: Float[Tensor, " C"],
    target: int,
) -> Float[Tensor, "G cells"]:
    """Return the mean density of a target in each cell, with one input at each position in turn."""
    x = x[sample_rows(len(x), _AVERAGED)]
    rows = x.repeat(len(positions), 1, 1)
    rows[:, :, chosen] = positions[:, None]
    return torch.stack(
        [cell_density(average_mixture(predict(each).marginal([target])), cells) for each in rows]
    )


def quantile_along(
    density: Float[Tensor, "G cells"], cells: Float[Tensor, " C"], level: float
) -> Float[Tensor, " G"]:
    """Return a quantile of each row's density, cut off at the ends of the cells."""
    mass = density * cells.diff()
    cumulative = mass.cumsum(-1)
    passed = level * cumulative[:, -1:]
    cell = torch.searchsorted(cumulative, passed).clamp(max=mass.shape[-1] - 1)
    fraction = (passed - (cumulative - mass).gather(1, cell)) / mass.gather(1, cell)
    return (cells[cell] + fraction * cells.diff()[cell]).squeeze(-1)


def _draw(
    axes: Axes,
    density: Float[Tensor, "G cells"],
    edges: Float[Tensor, " E"],
    cells: Float[Tensor, " C"],
    joined: bool,
) -> None:
    shade = density.mT.clamp(max=1).sqrt().numpy()
    centers = ((edges[1:] + edges[:-1]) / 2).numpy()
    for level, dashes in _QUANTILES.items():
        line = quantile_along(density, cells, level).numpy()
        style = "default" if joined else "steps-mid"
        axes.plot(centers, line, color="black", lw=1.2, linestyle=dashes, drawstyle=style)
    colors = density_colors()
    grid = edges.numpy(), cells.numpy()
    axes.pcolormesh(*grid, shade, cmap=colors, vmin=0, vmax=1, rasterized=True)


def _mark_deciles(axes: Axes, values: Float[Tensor, " N"]) -> None:
    sample = values[sample_rows(len(values), 100_000)]
    deciles = sample.quantile(torch.arange(1, 10, dtype=values.dtype) / 10).numpy()
    along = axes.get_xaxis_transform()
    axes.vlines(deciles, 0, 0.03, color="black", linewidth=0.8, transform=along)

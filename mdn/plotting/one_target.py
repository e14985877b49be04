"""One target: its density over an input."""

from collections.abc import Sequence
from textwrap import fill

import torch
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from mdn.distributions.abstract import Mixture
from mdn.plotting.informative_input import (
    Predict,
    most_informative_input,
    nearest,
    with_input,
)
from mdn.plotting.input_axes import InputAxis
from mdn.plotting.style import (
    density_colors,
    escape_dollars,
    limits,
    new_figure,
    sample_rows,
    scatter,
)

_COLUMNS, _CELLS = 240, 240
_SIMILAR_ROWS = 24
_MOST_COMPONENTS = 20_000
"""The most rows times components of an averaged density, which keeps a figure quick."""

_LABEL_WIDTH = 44
"""Letters of a line beside the color bar, which is as high as the figure."""


def conditional_figure(
    predict: Predict,
    x: Float[Tensor, "N P"],
    y: Float[Tensor, "N 1"],
    input_names: list[str],
    target_names: list[str],
    input_axes: Sequence[InputAxis],
) -> Figure:
    """Draw the density of one target over its most informative input."""
    chosen = most_informative_input(predict, x, y)
    x, y = with_input(x, y, chosen)
    names = input_names[chosen], target_names[0]
    ends, axis = limits(y[:, 0]), input_axes[chosen]
    figure, axes = figure_over_input(predict, x, chosen, ends, names, axis)
    scatter(axes, x[:, chosen], y[:, 0])
    return figure


def figure_over_input(
    predict: Predict,
    x: Float[Tensor, "N P"],
    chosen: int,
    ends: tuple[float, float],
    names: tuple[str, str],
    axis: InputAxis,
) -> tuple[Figure, Axes]:
    """Draw the density of one target over an input, without data.

    Args:
        predict: from inputs to mixtures.
        x: rows of inputs that have the chosen one.
        chosen: the input.
        ends: of the target's axis.
        names: of the input and the target.
        axis: how the input is drawn.
    """
    columns = axis.edges(x[:, chosen], _COLUMNS)
    cells = torch.linspace(*ends, _CELLS + 1, dtype=x.dtype)
    centers = (columns[1:] + columns[:-1]) / 2
    density = density_along(predict, x, chosen, centers, cells)
    figure = new_figure(7.0, 4.5)
    axes = figure.add_subplot()
    peak = usual_peak(density, columns, x[:, chosen])
    shade = (density.mT / peak).clamp(max=1).sqrt().numpy()
    edges = columns.numpy(), cells.numpy()
    image = axes.pcolormesh(*edges, shade, cmap=density_colors(), rasterized=True)
    name, target = map(escape_dollars, names)
    axes.set(xlim=edges[0][[0, -1]], ylim=edges[1][[0, -1]], xlabel=name, ylabel=target)
    axis.mark(axes)
    others = ", averaged over other inputs" if x.shape[-1] > 1 else ""
    label = fill(f"density of {target} given {name}{others}", _LABEL_WIDTH)
    bar = figure.colorbar(image, ax=axes, label=label, pad=0.01)
    bar.set_ticks([0, 0.5, 1], labels=["0", f"{peak / 4:.2g}", f"≥ {peak:.2g}"])
    return figure, axes


def usual_peak(
    density: Float[Tensor, "G cells"], columns: Float[Tensor, " C"], values: Float[Tensor, " N"]
) -> float:
    """Return the peak density of a column that three quarters of the data do not exceed.

    A single spike, or an edge with hardly any data, must not make the rest white.
    """
    column = torch.bucketize(values[sample_rows(len(values), 10_000)], columns[1:-1])
    return density.amax(1)[column].quantile(0.75).item()


def density_along(
    predict: Predict,
    x: Float[Tensor, "N P"],
    chosen: int,
    positions: Float[Tensor, " G"],
    cells: Float[Tensor, " C"],
) -> Float[Tensor, "G cells"]:
    """Return the mean density of the target in each cell, along one input.

    With a single input it is the model's density there; with several, the average over the rows
    of x that are closest in the chosen one.

    Args:
        predict: from inputs to mixtures.
        x: rows of inputs.
        chosen: the input.
        positions: values of the input.
        cells: the edges of the cells.
    """
    if x.shape[-1] == 1:
        return cell_density(predict(positions[:, None]), cells)
    x = sample_inputs(predict, x)
    return cell_density(predict(x), cells)[nearest(x[:, chosen], positions, _SIMILAR_ROWS)].mean(1)


def sample_inputs(predict: Predict, x: Float[Tensor, "N P"]) -> Float[Tensor, "M P"]:
    """Return rows to average a density over, as many as their components allow."""
    return x[sample_rows(len(x), max(1, _MOST_COMPONENTS // predict(x[:1]).num_components))]


def cell_density(mixture: Mixture, cells: Float[Tensor, " C"]) -> Float[Tensor, "*batch cells"]:
    """Return the probability of each cell divided by its width, exact for any narrow component."""
    cdf = mixture[..., None].cdf(cells[:, None]).squeeze(-1)
    return cdf.diff() / cells.diff()

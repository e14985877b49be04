"""Conditional slices: the density of each target at some values of one input."""

from collections.abc import Sequence

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
from mdn.plotting.input_axes import InputAxis, number_axes
from mdn.plotting.one_target import cell_density
from mdn.plotting.style import POINT, escape_dollars, limits, new_figure
from mdn.plotting.two_targets import region_levels

_MOST_TARGETS = 4
_CELLS = 400
_REGION = 0.9
_SIMILAR_ROWS = 24
LEGEND = "dark: the smallest set that holds 90 %"


@torch.no_grad()
def slices_figure(
    predict: Predict,
    x: Float[Tensor, "N P"],
    y: Float[Tensor, "N D"],
    input_names: list[str],
    target_names: list[str],
    input_axes: Sequence[InputAxis] | None = None,
) -> Figure:
    """Draw p(y given x = ...) with the other inputs at their medians; largest value on top.

    The darker part is the smallest set that holds 90 %. With a single input, the targets of the
    rows nearest to each value are marked at the bottom.
    """
    input_axes = input_axes or number_axes(x.shape[-1])
    chosen = most_informative_input(predict, x, y)
    x, y = with_input(x, y, chosen)
    values = input_axes[chosen].slices(x[:, chosen])
    mixtures = predict(rows_at(x, chosen, values, input_axes))
    similar = nearest(x[:, chosen], values, num_marked_rows(len(x)))
    marked = x.shape[-1] == 1
    count = min(y.shape[-1], _MOST_TARGETS)
    figure = new_figure(max(6.4, 3.2 * count), 1.0 + 1.1 * len(values))
    panels = figure.subplots(len(values), count, sharex="col", squeeze=False)
    for j in range(count):
        ends = limits(y[:, j])
        for i, axes in enumerate(panels[:, j]):
            draw_density(axes, mixtures[i].marginal([j]), ends)
            if marked:
                _mark(axes, y[similar[i], j])
        panels[-1, j].set_xlabel(escape_dollars(target_names[j]))
    for axes in panels[:-1].flat:
        axes.tick_params(bottom=False)
    figure.suptitle(LEGEND, fontsize=9)
    name = escape_dollars(input_names[chosen])
    for axes, value in zip(panels[:, 0], values.tolist(), strict=True):
        text = input_axes[chosen].text(value)
        axes.set_ylabel(f"{name}\n= {text}", rotation=0, ha="right", va="center")
    return figure


def num_marked_rows(rows: int) -> int:
    """Return how many rows are marked at a value: few enough to be near it."""
    return max(1, min(_SIMILAR_ROWS, rows // 10))


def rows_at(
    x: Float[Tensor, "N P"],
    chosen: int,
    values: Float[Tensor, " S"],
    input_axes: Sequence[InputAxis],
) -> Float[Tensor, "S P"]:
    """Return rows with one input at some values and the others at what is usual."""
    usual = [axis.usual(column) for axis, column in zip(input_axes, x.T, strict=True)]
    rows = x.new_tensor(usual).repeat(len(values), 1)
    rows[:, chosen] = values
    return rows


def draw_density(axes: Axes, mixture: Mixture, ends: tuple[float, float]) -> None:
    """Draw the density of one mixture over one target; the set that holds 90 % is darker."""
    cells = torch.linspace(*ends, _CELLS + 1, dtype=mixture.dtype)
    density = cell_density(mixture, cells)
    centers, height = ((cells[1:] + cells[:-1]) / 2).numpy(), density.numpy()
    (threshold,) = region_levels(density[None], (cells[1] - cells[0]).item(), [_REGION])
    axes.fill_between(centers, height, color="#dbe8f6", linewidth=0)
    inside = (density >= threshold).numpy()
    axes.fill_between(centers, height, where=inside, color="#6ba6d6", linewidth=0)
    axes.plot(centers, height, color=POINT, linewidth=1.2)
    axes.set(xlim=ends, ylim=(0, None), yticks=[])
    axes.spines[["top", "right", "left"]].set_visible(False)


def _mark(axes: Axes, near: Float[Tensor, " M"]) -> None:
    axes.vlines(near.numpy(), 0, 0.09, POINT, linewidth=1, transform=axes.get_xaxis_transform())

"""Conditional slices: the density of each target at some values of one input."""

from collections.abc import Callable

import torch
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from mdn.distributions.mixture import GaussianMixture
from mdn.plotting.informative_input import most_telling_input, nearest
from mdn.plotting.one_target import cell_density
from mdn.plotting.style import POINT, limits, literal, new_figure, some_rows
from mdn.plotting.two_targets import region_levels

_QUANTILES = [0.9, 0.7, 0.5, 0.3, 0.1]
_MOST_TARGETS = 4
_CELLS = 400
_HELD = 0.9
_ALIKE = 24
_LEGEND = "dark: the smallest set that holds 90 %"


@torch.no_grad()
def slices_figure(
    predict: Callable[[Float[Tensor, "N P"]], GaussianMixture],
    x: Float[Tensor, "N P"],
    y: Float[Tensor, "N D"],
    input_names: list[str],
    target_names: list[str],
) -> Figure:
    """p(y given x = ...), the other inputs at their medians; largest value on top.

    The darker part is the smallest set that holds 90 %. With a single input the targets of the
    rows nearest to each value are marked at the bottom.
    """
    chosen = most_telling_input(predict, x, y)
    places = values_shown(x[:, chosen])
    mixtures = predict(at_places(x, chosen, places))
    alike = nearest(x[:, chosen], places, alike_rows(len(x)))
    marked = x.shape[-1] == 1
    count = min(y.shape[-1], _MOST_TARGETS)
    figure = new_figure(max(6.4, 3.2 * count), 1.0 + 1.1 * len(places))
    panels = figure.subplots(len(places), count, sharex="col", squeeze=False)
    for j in range(count):
        ends = limits(y[:, j])
        for i, axes in enumerate(panels[:, j]):
            _draw(axes, mixtures[i].marginal([j]), ends)
            if marked:
                _mark(axes, y[alike[i], j])
        panels[-1, j].set_xlabel(literal(target_names[j]))
    for axes in panels[:-1].flat:
        axes.tick_params(bottom=False)
    figure.suptitle(_LEGEND, fontsize=9)
    name = literal(input_names[chosen])
    for axes, place in zip(panels[:, 0], places.tolist(), strict=True):
        axes.set_ylabel(f"{name}\n= {place:.4g}", rotation=0, ha="right", va="center")
    return figure


def values_shown(values: Float[Tensor, " N"]) -> Float[Tensor, " S"]:
    """Quantiles of an input, each once, the largest first."""
    levels = values.new_tensor(_QUANTILES)
    few = values[some_rows(len(values), 100_000)]
    return few.quantile(levels, interpolation="nearest").unique().flip(0)


def alike_rows(rows: int) -> int:
    """Rows that are marked at a value: few enough to be about it."""
    return max(1, min(_ALIKE, rows // 10))


def at_places(
    x: Float[Tensor, "N P"], chosen: int, places: Float[Tensor, " S"]
) -> Float[Tensor, "S P"]:
    """Rows with one input at some places and the others at their medians."""
    rows = x.median(0).values.repeat(len(places), 1)
    rows[:, chosen] = places
    return rows


def _draw(
    axes: Axes,
    mixture: GaussianMixture,
    ends: tuple[float, float],
) -> None:
    cells = torch.linspace(*ends, _CELLS + 1, dtype=mixture.mu.dtype)
    density = cell_density(mixture, cells)
    centres, height = ((cells[1:] + cells[:-1]) / 2).numpy(), density.numpy()
    (threshold,) = region_levels(density[None], (cells[1] - cells[0]).item(), [_HELD])
    axes.fill_between(centres, height, color="#dbe8f6", linewidth=0)
    inside = (density >= threshold).numpy()
    axes.fill_between(centres, height, where=inside, color="#6ba6d6", linewidth=0)
    axes.plot(centres, height, color=POINT, linewidth=1.2)
    axes.set(xlim=ends, ylim=(0, None), yticks=[])
    axes.spines[["top", "right", "left"]].set_visible(False)


def _mark(axes: Axes, near: Float[Tensor, " M"]) -> None:
    axes.vlines(near.numpy(), 0, 0.09, POINT, linewidth=1, transform=axes.get_xaxis_transform())

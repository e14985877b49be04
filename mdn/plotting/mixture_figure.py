"""The first mixtures of a batch: densities of one target, or regions in the plane of two."""

import math
from collections.abc import Sequence

import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mdn.distributions.abstract import Mixture
from mdn.distributions.long_answers import names_of
from mdn.distributions.mixture_overview import first_mixtures, row_labels
from mdn.plotting.line_styles import MOST_LINES, draw_line
from mdn.plotting.one_target import cell_density
from mdn.plotting.slices import LEGEND, draw_density
from mdn.plotting.style import escape_dollars, limits, new_figure
from mdn.plotting.two_targets import PLANE_LEGEND, Range, draw_plane

_CELLS = 800
_ENDS = [0.003, 0.997]
"""Levels of the quantiles between which each density is drawn."""


@torch.no_grad()
def mixture_figure(mixture: Mixture) -> Figure:
    """Draw the densities of the first six mixtures, over one target or in the plane of two.

    Raises:
        ValueError: on more targets, on an empty batch, and on densities that are not finite.
    """
    if mixture.num_targets > 2:
        raise ValueError(
            f"a picture shows one or two targets, got mixtures of {mixture.num_targets}; ask "
            "mixture.marginal([...]) first"
        )
    if 0 in mixture.batch_shape:
        raise ValueError(f"nothing to draw: batch shape {list(mixture.batch_shape)}")
    first = first_mixtures(mixture, MOST_LINES).to("cpu", torch.float64)
    labels = [escape_dollars(label) for label in row_labels(mixture, first)]
    names = [escape_dollars(name) for name in names_of(first.target_names, first.num_targets)]
    ends = _ends(first)
    return (_curves if first.num_targets == 1 else _planes)(first, labels, names, ends)


def _ends(mixtures: Mixture) -> list[Range]:
    """The range of each target that holds nearly all of the probability of each mixture."""
    ends = mixtures.quantile(_ENDS).flatten(0, 1)
    if not ends.isfinite().all():
        raise ValueError("the density has parameters that are not finite numbers, nothing to draw")
    return [limits(values) for values in ends.unbind(-1)]


def _curves(
    mixtures: Mixture, labels: Sequence[str], names: Sequence[str], ends: Sequence[Range]
) -> Figure:
    figure = new_figure(7.0, 4.0)
    axes = figure.add_subplot()
    if len(mixtures) == 1:
        draw_density(axes, mixtures[0], ends[0])
        axes.set_title(", ".join(filter(None, [*labels, LEGEND])), fontsize=9)
    else:
        _draw_curves(axes, mixtures, labels, ends[0])
    axes.set(xlabel=names[0], ylabel="density")
    return figure


def _draw_curves(axes: Axes, mixtures: Mixture, labels: Sequence[str], ends: Range) -> None:
    cells = torch.linspace(*ends, _CELLS + 1, dtype=mixtures.dtype)
    centers = ((cells[1:] + cells[:-1]) / 2).numpy()
    densities = cell_density(mixtures, cells).numpy()
    for place, (density, label) in enumerate(zip(densities, labels, strict=True)):
        draw_line(axes, centers, density, place, label)
    axes.set(xlim=ends, ylim=(0, None))
    axes.legend(title="row", frameon=False)


def _planes(
    mixtures: Mixture, labels: Sequence[str], names: Sequence[str], ends: Sequence[Range]
) -> Figure:
    count = len(mixtures)
    columns = min(count, 3)
    lines = math.ceil(count / columns)
    figure = new_figure(max(5.0, 3.3 * columns), max(4.4, 3.1 * lines))
    panels = figure.subplots(lines, columns, sharex=True, sharey=True, squeeze=False).flat
    none = torch.empty(0, 2, dtype=mixtures.dtype)
    for place, label in enumerate(labels):
        draw_plane(panels[place], mixtures[place : place + 1], none, *ends)
        panels[place].set_title(label, fontsize=10)
    for axes in panels[count:]:
        axes.set_visible(False)
    figure.suptitle(PLANE_LEGEND, fontsize=8)
    figure.supxlabel(names[0])
    figure.supylabel(names[1])
    return figure

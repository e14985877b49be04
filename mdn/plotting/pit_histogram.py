"""Histogram of the probability integral transform: flat when the density is right."""

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from mdn.metrics import histogram
from mdn.plotting.chance import chance_interval
from mdn.plotting.line_styles import MOST_LINES
from mdn.plotting.style import escape_dollars, new_figure

_ROWS_IN_A_BIN = 15
_COLUMNS = 3


def pit_figure(pit: Float[Tensor, "N D"], target_names: list[str]) -> Figure:
    """Draw one histogram for each target.

    A hump in the middle tells that the densities are too wide, raised ends that they are too
    narrow, a slope that they lie too low or too high.
    """
    count = min(len(target_names), MOST_LINES)
    columns = min(count, _COLUMNS)
    lines = -(-count // columns)
    figure = new_figure(2.2 + 3.0 * columns, 0.8 + 2.6 * lines)
    panels = figure.subplots(lines, columns, sharex=True, sharey=True, squeeze=False).flatten()
    for axes, target in zip(panels, range(count), strict=False):
        _draw(axes, pit[~pit[:, target].isnan(), target])
        if count > 1:
            axes.set_title(escape_dollars(target_names[target]), fontsize=10)
    for axes in panels[count:]:
        axes.set_visible(False)
    of = f" of {escape_dollars(target_names[0])}" if count == 1 else ""
    figure.supxlabel(f"stated probability of a value below the observed one{of}", fontsize=10)
    figure.supylabel("density of rows", fontsize=10)
    panels[0].legend(frameon=False, fontsize=8, loc="lower center")
    return figure


def _draw(axes: Axes, pit: Float[Tensor, " N"]) -> None:
    bins = number_of_bins(len(pit))
    edges = np.linspace(0, 1, bins + 1)
    height = histogram(pit, bins).numpy()
    axes.stairs(height, edges, fill=True, color="#c7dbf2")
    axes.stairs(height, edges, color="#2973b3")
    ends = chance_interval(1 / bins, len(pit))
    for end, label in zip(ends, ("chance (95 %)", None), strict=True):
        axes.axhline(float(bins * end), color="black", linewidth=1.0, linestyle="--", label=label)
    axes.axhline(1, color="black", linewidth=0.8)
    axes.margins(y=0.08)
    axes.set(xlim=(0, 1))
    axes.set_ylim(bottom=0)


def number_of_bins(rows: int) -> int:
    """Return a number of bins from 4 to 20, few enough for each to hold some rows."""
    return max(4, min(20, rows // _ROWS_IN_A_BIN))

"""Coverage curve: the share of rows inside an interval minus its stated level, at every level."""

import numpy as np
from jaxtyping import Float
from matplotlib.figure import Figure
from torch import Tensor

from mdn.metrics import LEVELS
from mdn.plotting.chance import draw_chance_band
from mdn.plotting.line_styles import MOST_LINES, draw_line
from mdn.plotting.reliability import empirical_distribution
from mdn.plotting.style import escape_dollars, new_figure

_PERCENT = 100


def coverage_figure(
    pit: Float[Tensor, "N D"], rank: Float[Tensor, " M"], target_names: list[str]
) -> Figure:
    """Draw central intervals of each target, and highest-density regions of all together.

    Args:
        pit: probability integral transforms.
        rank: density ranks of these rows, or of some of them.
        target_names: names of the columns of `pit`.
    """
    figure = new_figure(7.0, 4.5)
    axes = figure.add_subplot()
    draw_chance_band(axes, min(len(pit), len(rank) or len(pit)), centered=True)
    axes.axhline(0, color="0.4", linewidth=0.8)
    for target, name in enumerate(target_names[:MOST_LINES]):
        level, over = excess_coverage(2 * (pit[:, target] - 0.5).abs())
        draw_line(axes, level, over, target, f"central interval of {escape_dollars(name)}")
    if len(rank):
        level, over = excess_coverage(rank)
        axes.plot(level, over, color="black", linewidth=1.0, label="highest-density region")
    axes.vlines(LEVELS, 0, 0.02, color="0.4", linewidth=0.8, transform=axes.get_xaxis_transform())
    axes.set(xlim=(0, 1), xlabel="stated probability", ylabel="observed share of rows less stated")
    axes.xaxis.set_major_formatter(lambda value, _: f"{_PERCENT * value:.0f} %")
    axes.yaxis.set_major_formatter(lambda value, _: f"{_PERCENT * value:+g} %")
    figure.legend(frameon=False, fontsize=9, loc="outside upper center", ncols=2)
    return figure


def excess_coverage(needed: Float[Tensor, " N"]) -> tuple[np.ndarray, np.ndarray]:
    """Return levels, and the share of rows inside minus the level.

    Args:
        needed: the level at which the interval or region of each row first holds it.
    """
    level, share = empirical_distribution(needed)
    return level, share - level

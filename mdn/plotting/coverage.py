"""Coverage curve: how many rows fall inside, less how many were promised, at every level."""

import numpy as np
from jaxtyping import Float
from matplotlib.figure import Figure
from torch import Tensor

from mdn.metrics import LEVELS
from mdn.plotting.line_styles import MOST_LINES, draw_chance, look
from mdn.plotting.reliability import distribution
from mdn.plotting.style import literal, new_figure

_PERCENT = 100


def coverage_figure(
    pit: Float[Tensor, "N D"], rank: Float[Tensor, " M"], target_names: list[str]
) -> Figure:
    """Central intervals of each target, and highest-density regions of all targets together.

    Args:
        pit: probability integral transforms.
        rank: density ranks, of as many rows or of some of them.
        target_names: of the columns of `pit`.
    """
    figure = new_figure(7.0, 4.5)
    axes = figure.add_subplot()
    draw_chance(axes, min(len(pit), len(rank)), centred=True)
    axes.axhline(0, color="0.4", linewidth=0.8)
    for target, name in enumerate(target_names[:MOST_LINES]):
        level, over = excess_coverage(2 * (pit[:, target] - 0.5).abs())
        axes.plot(level, over, label=f"central interval of {literal(name)}", **look(target))
    level, over = excess_coverage(rank)
    axes.plot(level, over, color="black", linewidth=1.0, label="highest-density region")
    axes.vlines(LEVELS, 0, 0.02, color="0.4", linewidth=0.8, transform=axes.get_xaxis_transform())
    axes.set(xlim=(0, 1), xlabel="stated probability", ylabel="observed share of rows less stated")
    axes.xaxis.set_major_formatter(lambda value, _: f"{_PERCENT * value:.0f} %")
    axes.yaxis.set_major_formatter(lambda value, _: f"{_PERCENT * value:+g} %")
    figure.legend(frameon=False, fontsize=9, loc="outside upper center", ncols=2)
    return figure


def excess_coverage(needed: Float[Tensor, " N"]) -> tuple[np.ndarray, np.ndarray]:
    """Levels, and the share of rows inside less the level, from the level that each row needs."""
    level, share = distribution(needed)
    return level, share - level

"""Reliability diagram: observed frequencies against stated probabilities."""

import numpy as np
from jaxtyping import Float
from matplotlib.figure import Figure
from torch import Tensor

from mdn.plotting.chance import draw_chance_band
from mdn.plotting.line_styles import MOST_LINES, draw_line
from mdn.plotting.style import escape_dollars, new_figure

_MOST_STEPS = 1000
"""The most steps of a line; more cannot be seen and make a drawing large."""


def reliability_figure(pit: Float[Tensor, "N D"], target_names: list[str]) -> Figure:
    """Draw the share of rows below each stated quantile, against its probability.

    On the diagonal every quantile is right. The band is what chance explains, point by point.
    """
    figure = new_figure(5.2, 5.0)
    axes = figure.add_subplot()
    draw_chance_band(axes, len(pit), centered=False)
    axes.plot([0, 1], [0, 1], color="0.4", linewidth=0.8)
    for target, name in enumerate(target_names[:MOST_LINES]):
        stated, observed = empirical_distribution(pit[:, target])
        draw_line(axes, stated, observed, target, escape_dollars(name))
    axes.set(xlim=(0, 1), ylim=(0, 1), aspect="equal")
    axes.set(xlabel="stated probability of a value below", ylabel="observed share of rows below")
    axes.legend(frameon=False, loc="upper left")
    return figure


def empirical_distribution(transforms: Float[Tensor, " N"]) -> tuple[np.ndarray, np.ndarray]:
    """Return the empirical distribution function as a line of few points from (0, 0) to (1, 1)."""
    ordered = np.sort(transforms[~transforms.isnan()].numpy())  # NaN is a missing target
    if len(ordered) > _MOST_STEPS:
        level = np.linspace(0, 1, _MOST_STEPS + 1)
        return level, np.searchsorted(ordered, level, side="right") / len(ordered)
    share = np.arange(len(ordered) + 1) / len(ordered)
    return np.repeat([0.0, *ordered, 1.0], 2)[1:-1], np.repeat(share, 2)

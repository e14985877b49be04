"""Lines that are told apart by colour and, where there is none, by their dashes."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from scipy import stats

_COLOURS = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9"]
"""Of Okabe and Ito (2008)."""
_DASHES: list[Any] = ["-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)), (0, (1, 1))]
MOST_LINES = len(_COLOURS)
BAND = "0.88"
_CHANCE = 0.95


def look(index: int) -> dict[str, Any]:
    """Colour and dashes of one line among at most `MOST_LINES`."""
    return {"color": _COLOURS[index], "linestyle": _DASHES[index], "linewidth": 1.6}


def chance(probability: Any, rows: int) -> tuple[Any, Any]:
    """Ends of what 95 of 100 shares of so many rows lie between, when the probability is right."""
    # Jeffreys' interval: that of the binomial distribution without its jumps.
    inside, outside = probability * rows + 0.5, (1 - probability) * rows + 0.5
    return stats.beta.interval(_CHANCE, inside, outside)


def draw_chance(axes: Axes, rows: int, centred: bool) -> None:
    """The band around every probability that chance explains; around 0 where `centred`."""
    stated = np.linspace(0, 1, 401)
    low, high = chance(stated, rows)
    middle = stated if centred else 0.0
    label = f"chance, {rows} rows (95 %)"
    axes.fill_between(stated, low - middle, high - middle, color=BAND, linewidth=0, label=label)

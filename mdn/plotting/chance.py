"""What chance explains: shares of rows observed when the stated probability is right."""

import numpy as np
from matplotlib.axes import Axes
from scipy import stats

_COLOR = "0.88"
_LEVEL = 0.95


def chance_interval(
    probability: float | np.ndarray, rows: int
) -> tuple[np.ndarray | float, np.ndarray | float]:
    """Return the ends that 95 of 100 observed shares lie between, when the probability is right."""
    # Jeffreys' interval: the binomial distribution's own, without its jumps.
    inside, outside = probability * rows + 0.5, (1 - probability) * rows + 0.5
    return stats.beta.interval(_LEVEL, inside, outside)


def draw_chance_band(axes: Axes, rows: int, centered: bool) -> None:
    """Draw the band around every probability that chance explains; around 0 if `centered`."""
    stated = np.linspace(0, 1, 401)
    low, high = chance_interval(stated, rows)
    middle = stated if centered else 0.0
    label = f"chance, {rows} rows (95 %)"
    axes.fill_between(stated, low - middle, high - middle, color=_COLOR, linewidth=0, label=label)

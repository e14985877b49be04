"""Lines that differ in color and, for printers without color, in their dashes."""

import numpy as np
from matplotlib.axes import Axes

_COLORS = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9"]
"""Of Okabe and Ito (2008)."""
_DASHES: list[str | tuple[int, tuple[int, ...]]] = [
    *("-", "--", "-.", ":"),
    *((0, (5, 1, 1, 1, 1, 1)), (0, (1, 1))),
]
MOST_LINES = len(_COLORS)


def draw_line(
    axes: Axes, x: np.ndarray, y: np.ndarray, index: int, label: str, marker: str | None = None
) -> None:
    """Draw one line among at most `MOST_LINES`, in the color and dashes of its index."""
    color, dashes = _COLORS[index], _DASHES[index]
    axes.plot(x, y, label=label, color=color, linestyle=dashes, linewidth=1.6, marker=marker)

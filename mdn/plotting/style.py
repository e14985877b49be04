"""Common to all figures: colors that suit any eye and any printer, points, ranges of axes."""

from io import BytesIO

import torch
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from torch import Tensor

# Light for little density and dark for much, but never so dark that black points drown in it.
_BLUES = ["#ffffff", "#c7dbf2", "#6ba6d6", "#2973b3"]
LINE = "#D55E00"
"""Vermilion of Okabe and Ito (2008): components, told from the blue by eye and by lightness."""
POINT = "black"
MOST_POINTS = 2000


def density_colors() -> LinearSegmentedColormap:
    """Return a color map from white to blue."""
    return LinearSegmentedColormap.from_list("density", _BLUES)


def region_colors(count: int) -> list[tuple[float, ...]]:
    """Return shades for nested regions, the outermost first."""
    return [density_colors()((i + 1) / count) for i in range(count)]


class NotebookFigure(Figure):
    """A figure that a notebook shows, though it belongs to no pyplot."""

    def _repr_png_(self) -> bytes:
        picture = BytesIO()
        self.savefig(picture, format="png")
        return picture.getvalue()


def new_figure(width: float, height: float) -> Figure:
    """Return an empty figure that belongs to no window and no global state; sizes in inches."""
    return NotebookFigure((width, height), dpi=120, layout="constrained")


def sample_rows(count: int, most: int, seed: int = 0) -> Tensor:
    """Draw row numbers without replacement, at most `most`."""
    return torch.randperm(count, generator=torch.Generator().manual_seed(seed))[:most]


def limits(values: Float[Tensor, " N"]) -> tuple[float, float]:
    """Return the range of an axis: nearly all of the values and a margin, never empty."""
    ends = torch.tensor([0.002, 0.998], dtype=values.dtype)
    # torch refuses quantiles of many more rows, which would be no better.
    low, high = torch.quantile(values[sample_rows(len(values), 100_000)], ends).tolist()
    margin = 0.08 * (high - low) or 0.5 * (abs(low) or 1.0)
    return low - margin, high + margin


def scatter(axes: Axes, x: Float[Tensor, " N"], y: Float[Tensor, " N"]) -> None:
    """Draw data points, smaller and fainter the more there are."""
    rows = sample_rows(len(x), MOST_POINTS)
    crowding = len(rows) / MOST_POINTS
    axes.scatter(
        x[rows].numpy(),
        y[rows].numpy(),
        s=14 - 10 * crowding,
        alpha=0.7 - 0.35 * crowding,
        color=POINT,
        linewidths=0,
        rasterized=True,
    )


def escape_dollars(name: str) -> str:
    """Return a column's name as a label, in which no dollar starts a formula."""
    return name.replace("$", r"\$")

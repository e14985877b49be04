"""What all figures share: colours that survive any eye and any printer, bounded points, ranges."""

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


def density_colours() -> LinearSegmentedColormap:
    """White to blue."""
    return LinearSegmentedColormap.from_list("density", _BLUES)


def region_colours(count: int) -> list[tuple[float, ...]]:
    """Shades for nested regions, the outermost first."""
    return [density_colours()((i + 1) / count) for i in range(count)]


def new_figure(width: float, height: float) -> Figure:
    """An empty figure in inches, which no window and no global state knows of."""
    return Figure((width, height), dpi=120, layout="constrained")


def some_rows(count: int, most: int, seed: int = 0) -> Tensor:
    """At most so many row numbers, drawn without replacement."""
    return torch.randperm(count, generator=torch.Generator().manual_seed(seed))[:most]


def limits(values: Float[Tensor, " N"]) -> tuple[float, float]:
    """A range for an axis: nearly all of the values and a margin, never empty."""
    ends = torch.tensor([0.002, 0.998], dtype=values.dtype)
    # A quantile of more rows than this is refused by torch and no better.
    low, high = torch.quantile(values[some_rows(len(values), 100_000)], ends).tolist()
    margin = 0.08 * (high - low) or 0.5 * (abs(low) or 1.0)
    return low - margin, high + margin


def scatter(axes: Axes, x: Float[Tensor, " N"], y: Float[Tensor, " N"]) -> None:
    """Data points, smaller and fainter the more there are."""
    shown = some_rows(len(x), MOST_POINTS)
    many = len(shown) / MOST_POINTS
    axes.scatter(
        x[shown].numpy(),
        y[shown].numpy(),
        s=14 - 10 * many,
        alpha=0.7 - 0.35 * many,
        color=POINT,
        linewidths=0,
        rasterized=True,
    )


def literal(name: str) -> str:
    """A column's name as a label: a dollar in it starts no formula."""
    return name.replace("$", r"\$")

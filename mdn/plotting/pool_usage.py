"""The use of components during training, summarized for pools with too many to show each."""

from collections.abc import Mapping

from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from mdn.plotting.line_styles import draw_line
from mdn.plotting.style import new_figure

_LEAST = 1e-5
"""The smallest fraction of an equal share that is drawn: zero has no logarithm."""


def pool_usage_figure(
    epoch: Float[Tensor, " T"],
    weight: Mapping[str, Float[Tensor, " T"]],
    effective: Mapping[str, Float[Tensor, " T"]],
    num_components: int,
) -> Figure:
    """Draw weights in units of an equal share, and effective numbers of components.

    Args:
        epoch: when the weights were logged.
        weight: such as the largest, median and smallest mean weight, by label.
        effective: effective numbers of components, by label.
        num_components: number of components of the pool.
    """
    figure = new_figure(9.0, 4.0)
    left, right = figure.subplots(1, 2)
    shares = {name: (values * num_components).clamp(min=_LEAST) for name, values in weight.items()}
    _draw(left, epoch, shares)
    left.axhline(1, color="0.4", linewidth=0.8)
    left.set(yscale="log", ylabel=f"mean weight x {num_components} (1: an equal share)")
    _draw(right, epoch, effective)
    right.axhline(num_components, color="0.4", linewidth=0.8)
    right.set(ylim=(0, 1.05 * num_components), ylabel=f"effective components of {num_components}")
    return figure


def _draw(axes: Axes, epoch: Float[Tensor, " T"], lines: Mapping[str, Tensor]) -> None:
    for index, (label, values) in enumerate(lines.items()):
        draw_line(axes, epoch.numpy(), values.numpy(), index, label, marker=".")
    axes.set_xlim(epoch[0].item(), max(epoch[-1].item(), epoch[0].item() + 1))
    axes.set_xlabel("epoch")
    above = {"loc": "lower center", "bbox_to_anchor": (0.5, 1.0), "ncols": len(lines)}
    axes.legend(frameon=False, fontsize=8, **above)

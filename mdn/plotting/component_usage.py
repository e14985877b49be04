"""The use of each component during training."""

from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from mdn.plotting.style import new_figure

_SHADES = ["#c7dbf2", "#6ba6d6"]
_NARROW = "0.35"
_LABELED = 0.03
"""The smallest weight whose band has room for a number."""


def usage_figure(epoch: Float[Tensor, " T"], weight: Float[Tensor, "T K"]) -> Figure:
    """Draw the mean weight of each component over the epochs, one band on top of the other."""
    figure = new_figure(7.0, 4.0)
    axes = figure.add_subplot()
    top = weight.cumsum(-1)
    for k, shade in enumerate(shades(weight)):
        below = top[:, k] - weight[:, k]
        axes.fill_between(epoch, below, top[:, k], color=shade, linewidth=0)
        axes.plot(epoch, top[:, k], color="white", linewidth=0.8)
    _write_numbers(axes, epoch, weight)
    axes.set(xlabel="epoch", ylabel="mean weight", ylim=(0, 1))
    axes.annotate("component", (1, 1), xycoords="axes fraction", va="bottom", fontsize=9)
    axes.set_xlim(epoch[0].item(), max(epoch[-1].item(), epoch[0].item() + 1))
    return figure


def shades(weight: Float[Tensor, "T K"]) -> list[str]:
    """Return a shade for each band: two in turn if it is wide enough to see, a dark one if not."""
    wide = weight.amax(0) >= _LABELED
    turn = (wide.long().cumsum(0) % 2).tolist()
    return [
        _SHADES[t] if is_wide else _NARROW for t, is_wide in zip(turn, wide.tolist(), strict=True)
    ]


def _write_numbers(axes: Axes, epoch: Float[Tensor, " T"], weight: Float[Tensor, "T K"]) -> None:
    middle = weight[-1].cumsum(-1) - weight[-1] / 2
    place = {"xytext": (6, 0), "textcoords": "offset points", "va": "center", "fontsize": 9}
    for k, (height, share) in enumerate(zip(middle.tolist(), weight[-1].tolist(), strict=True)):
        if share >= _LABELED:
            axes.annotate(str(k), (epoch[-1].item(), height), annotation_clip=False, **place)

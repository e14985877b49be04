"""One target without inputs: its histogram under the density and its components."""

import torch
from jaxtyping import Float
from matplotlib.figure import Figure
from torch import Tensor

from mdn.distributions.abstract import Mixture
from mdn.plotting.one_target import cell_density
from mdn.plotting.style import LINE, POINT, escape_dollars, limits, new_figure

_MOST_LINES = 40
"""Components that are drawn, the heaviest."""


def histogram_figure(mixture: Mixture, y: Float[Tensor, "N 1"], target_names: list[str]) -> Figure:
    """Draw the histogram of one target under the density and its components."""
    figure = new_figure(7.0, 4.5)
    axes = figure.add_subplot()
    values, ends = y[:, 0], limits(y[:, 0])
    bins = min(80, max(10, round(2 * len(y) ** 0.5)))
    shown = values[(values >= ends[0]) & (values <= ends[1])]
    # Rows outside the range count in the height of the bars, as they do in the density.
    share = shown.new_full((len(shown),), bins / (ends[1] - ends[0]) / len(values))
    axes.hist(shown.numpy(), bins, weights=share.numpy(), range=ends, color="#c7dbf2", label="data")
    cells = torch.linspace(*ends, 801, dtype=y.dtype)
    centers = ((cells[1:] + cells[:-1]) / 2).numpy()
    heaviest = mixture.pi.argsort(descending=True)[:_MOST_LINES].tolist()
    for rank, k in enumerate(heaviest):
        line = mixture.pi[k] * cell_density(mixture.component(k), cells)
        label = "components" if rank == 0 else None
        axes.plot(centers, line.numpy(), color=LINE, linewidth=1.2, linestyle="--", label=label)
    density = cell_density(mixture, cells).numpy()
    axes.plot(centers, density, color=POINT, linewidth=1.8, label="mixture")
    axes.set(xlabel=escape_dollars(target_names[0]), ylabel="density", xlim=ends)
    axes.legend(frameon=False)
    return figure

"""Three targets or more: each by itself and each pair, the data beside draws from the model.

Below the diagonal are the data, above it as many draws from the model, one from the mixture of
each row: a good model's triangles look alike. On the diagonal, the histogram of the data and the
model's exact density of that target, averaged over rows. A density without inputs also shows its
components.
"""

from itertools import permutations

import numpy as np
import torch
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from mdn.distributions.abstract import Mixture
from mdn.plotting.ellipses import draw_components
from mdn.plotting.informative_input import Predict
from mdn.plotting.one_target import cell_density, sample_inputs
from mdn.plotting.style import POINT, escape_dollars, limits, new_figure, sample_rows, scatter

_MOST_TARGETS = 6
_MOST_ROWS = 1000
_CELLS = 200


def pair_figure(
    predict: Predict,
    x: Float[Tensor, "N P"],
    y: Float[Tensor, "N D"],
    target_names: list[str],
) -> Figure:
    """Draw every pair of the first six targets, data against draws."""
    rows = sample_rows(len(y), _MOST_ROWS)
    averaged, data = predict(sample_inputs(predict, x[rows])), y[rows]
    draws = predict(x[rows]).sample(generator=torch.Generator().manual_seed(0))
    count = min(y.shape[-1], _MOST_TARGETS)
    ends = [limits(y[:, j]) for j in range(count)]
    figure = new_figure(2 + 1.7 * count, 1.5 + 1.6 * count)
    panels = figure.subplots(count, count, sharex="col", squeeze=False)
    for i in range(count):
        _draw_marginal(panels[i, i], averaged.marginal([i]), data[:, i], ends[i])
    for i, j in permutations(range(count), 2):
        points = data if i > j else draws
        scatter(panels[i, j], points[:, j], points[:, i])
        panels[i, j].set(xlim=ends[j], ylim=ends[i])
        if i > j and not x.shape[-1]:
            draw_components(averaged, panels[i, j], (j, i))
    _name(panels, target_names)
    figure.suptitle("below the diagonal: data; above it: draws from the model", fontsize=9)
    return figure


def _name(panels: np.ndarray, target_names: list[str]) -> None:
    for i, name in zip(range(len(panels)), target_names, strict=False):
        panels[-1, i].set_xlabel(escape_dollars(name))
        panels[i, 0].set_ylabel(escape_dollars(name))
        for inner in panels[i, 1:]:
            inner.tick_params(labelleft=False)


def _draw_marginal(
    axes: Axes, mixtures: Mixture, data: Float[Tensor, " N"], ends: tuple[float, float]
) -> None:
    cells = torch.linspace(*ends, _CELLS + 1, dtype=data.dtype)
    density = cell_density(mixtures, cells).mean(0)
    axes.hist(data.numpy(), 30, range=ends, density=True, color="#c7dbf2")
    axes.plot(((cells[1:] + cells[:-1]) / 2).numpy(), density.numpy(), color=POINT, linewidth=1.5)
    axes.set(xlim=ends, yticks=[])

"""The figure that suits a density, by its numbers of targets and inputs."""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from matplotlib.figure import Figure
from torch import Tensor

from mdn.plotting.histogram import histogram_figure
from mdn.plotting.informative_input import Predict
from mdn.plotting.input_axes import InputAxis, number_axes
from mdn.plotting.one_target import conditional_figure
from mdn.plotting.pairs import pair_figure
from mdn.plotting.two_targets import plane_figure, planes_figure


@torch.no_grad()
def density_figure(
    predict: Predict,
    x: Float[Tensor, "N P"],
    y: Float[Tensor, "N D"],
    input_names: list[str],
    target_names: list[str],
    input_axes: Sequence[InputAxis] | None = None,
) -> Figure:
    """Draw the density that a model predicts, with the data on top of it.

    One target: its density over the input, or a histogram. Two targets: their plane, at several
    inputs. More: every pair of targets. With several inputs, the most informative one is shown,
    and the density is averaged over rows that are similar in it.

    `predict` takes N rows of inputs to N mixtures in the units of y, and P may be 0. Rows with a
    missing target, or without the input that is shown, are left out. `input_axes` say how inputs
    are drawn that are no numbers.
    """
    complete = y.isfinite().all(-1)
    x, y = x[complete], y[complete]
    input_axes = input_axes or number_axes(x.shape[-1])
    if y.shape[-1] > 2:
        return pair_figure(predict, x, y, target_names)
    if y.shape[-1] == 2:
        if x.shape[-1]:
            return planes_figure(predict, x, y, input_names, target_names, input_axes)
        return plane_figure(predict(x[:1])[0], y, target_names)
    if x.shape[-1]:
        return conditional_figure(predict, x, y, input_names, target_names, input_axes)
    return histogram_figure(predict(x[:1])[0], y, target_names)

"""Which figure shows a density best: it depends on how many targets and inputs there are."""

from collections.abc import Callable

import torch
from jaxtyping import Float
from matplotlib.figure import Figure
from torch import Tensor

from mdn.distributions.mixture import GaussianMixture
from mdn.plotting.one_target import conditional_figure, histogram_figure
from mdn.plotting.pairs import pair_figure
from mdn.plotting.two_targets import plane_figure, planes_figure


@torch.no_grad()
def density_figure(
    predict: Callable[[Float[Tensor, "N P"]], GaussianMixture],
    x: Float[Tensor, "N P"],
    y: Float[Tensor, "N D"],
    input_names: list[str],
    target_names: list[str],
) -> Figure:
    """What a model says, with the data on top of it.

    One target: its density over the input, or a histogram. Two targets: their plane, at several
    inputs. More: every pair of targets. Of several inputs, the one that tells most about the
    targets is shown, and the density is averaged over rows that are alike in it.

    `predict` takes N rows of inputs to N mixtures in the units of y, and P may be 0. Rows with a
    missing number are left out.
    """
    whole = x.isfinite().all(-1) & y.isfinite().all(-1)
    x, y = x[whole], y[whole]
    if y.shape[-1] > 2:
        return pair_figure(predict, x, y, target_names)
    if y.shape[-1] == 2:
        if x.shape[-1]:
            return planes_figure(predict, x, y, input_names, target_names)
        return plane_figure(predict(x[:1])[0], y, target_names)
    if x.shape[-1]:
        return conditional_figure(predict, x, y, input_names, target_names)
    return histogram_figure(predict(x[:1])[0], y, target_names)

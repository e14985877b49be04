"""Rows that are alike in one input, and the input in which that says most.

With several inputs there is no plane to draw p(y given x) in. What can be drawn, and held against
the data, is the density given one of them, p(y given x_j) = E[p(y given x) given x_j]: the average
of the model's densities over rows whose x_j is about the same.
"""

from collections.abc import Callable

import torch
from jaxtyping import Float, Int
from torch import Tensor

from mdn.distributions.mixture import GaussianMixture
from mdn.plotting.style import some_rows

_MOST_ROWS = 192
_LIGHTEST = 1e-4
"""Components of less weight are not seen in a picture, as most of a large pool have."""


def averaged(mixtures: GaussianMixture) -> GaussianMixture:
    """One mixture, the mean of the densities of a batch, of the components that can be seen."""
    return mixtures.pool().prune(_LIGHTEST)


def nearest(
    values: Float[Tensor, " M"], places: Float[Tensor, " G"], count: int
) -> Int[Tensor, "G count"]:
    """The so many values that are closest to each place."""
    distance = (places[:, None] - values).abs()
    return distance.topk(min(count, len(values)), largest=False).indices


def most_telling_input(
    predict: Callable[[Float[Tensor, "N P"]], GaussianMixture],
    x: Float[Tensor, "N P"],
    y: Float[Tensor, "N D"],
) -> int:
    """The input j for which the data are likeliest under p(y given x_j)."""
    return by_telling(predict, x, y)[0]


def by_telling(
    predict: Callable[[Float[Tensor, "N P"]], GaussianMixture],
    x: Float[Tensor, "N P"],
    y: Float[Tensor, "N D"],
) -> list[int]:
    """The inputs, the most telling first."""
    if x.shape[-1] == 1:
        return [0]
    rows = some_rows(len(x), _MOST_ROWS)
    x, y = x[rows], y[rows]
    log_prob = predict(x).log_prob(y[:, None])
    scores = torch.stack([_score(log_prob, x[:, j]) for j in range(x.shape[-1])])
    return scores.nan_to_num(-torch.inf).argsort(descending=True, stable=True).tolist()


def _score(log_prob: Float[Tensor, "N N"], input_: Float[Tensor, " N"]) -> Float[Tensor, ""]:
    alike = nearest(input_, input_, count=len(input_) // 8 + 1)
    return log_prob.gather(1, alike).logsumexp(-1).mean()

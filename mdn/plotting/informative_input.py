"""The most informative input, and rows that are similar in it.

With several inputs there is no plane to draw p(y given x) in. What can be drawn, and compared with
the data, is the density given one of them, p(y given x_j) = E[p(y given x) given x_j]: the average
of the model's densities over rows with similar x_j.
"""

from collections.abc import Callable

import torch
from jaxtyping import Float, Int
from torch import Tensor

from mdn.distributions.abstract import Mixture
from mdn.plotting.style import sample_rows

Predict = Callable[[Float[Tensor, "N P"]], Mixture]
"""A model: from N rows of inputs to N mixtures in the units of the targets."""

_MOST_ROWS = 192
_LIGHTEST = 1e-4
"""Weight below which a component cannot be seen; most components of a large pool cannot."""


def average_mixture(mixtures: Mixture) -> Mixture:
    """Return the mean density of a batch as one mixture, without components too light to see."""
    return mixtures.pool().prune(_LIGHTEST)


def nearest(
    values: Float[Tensor, " M"], positions: Float[Tensor, " G"], count: int
) -> Int[Tensor, "G count"]:
    """Return the indices of the values that are closest to each position.

    A missing value is as far from all others as they are from each other, and close to none.
    """
    distance = (positions[:, None] - values).abs()
    distance = torch.where(positions.isnan()[:, None] & values.isnan(), 0.0, distance)
    distance = distance.nan_to_num(nan=torch.inf)
    return distance.topk(min(count, len(values)), largest=False).indices


def with_input(
    x: Float[Tensor, "N P"], y: Float[Tensor, "N D"], chosen: int
) -> tuple[Float[Tensor, "M P"], Float[Tensor, "M D"]]:
    """Return the rows that have a value of an input; all where none has."""
    there = ~x[:, chosen].isnan()
    return (x[there], y[there]) if there.any() else (x.nan_to_num(), y)


def most_informative_input(
    predict: Predict,
    x: Float[Tensor, "N P"],
    y: Float[Tensor, "N D"],
) -> int:
    """Return the input j for which the data are likeliest under p(y given x_j)."""
    return rank_inputs(predict, x, y)[0]


def rank_inputs(
    predict: Predict,
    x: Float[Tensor, "N P"],
    y: Float[Tensor, "N D"],
) -> list[int]:
    """Return all inputs, the most informative first."""
    if x.shape[-1] == 1:
        return [0]
    rows = sample_rows(len(x), _MOST_ROWS)
    x, y = x[rows], y[rows]
    log_prob = predict(x).log_prob(y[:, None])
    scores = torch.stack([_log_score(log_prob, x[:, j]) for j in range(x.shape[-1])])
    return scores.nan_to_num(-torch.inf).argsort(descending=True, stable=True).tolist()


def _log_score(log_prob: Float[Tensor, "N N"], input_: Float[Tensor, " N"]) -> Float[Tensor, ""]:
    similar = nearest(input_, input_, count=len(input_) // 8 + 1)
    return log_prob.gather(1, similar).logsumexp(-1).mean()

"""How much alike input columns are: what the others leave of one, or of a sum of some."""

import torch
from jaxtyping import Float64
from torch import Tensor

_MOST_COLUMNS = 200
"""Of more columns nobody asks: their correlations take the square of their number."""

_FARTHEST = 6.0
"""Standard deviations beyond which a value counts no more."""


def least_variance(
    sample: Float64[Tensor, "N C"], center: Float64[Tensor, " C"], spread: Float64[Tensor, " C"]
) -> float:
    """Return the least variance of standardized columns along any direction, from 0 to 1.

    It is near 1 where columns have nothing to do with each other, and 0 where some follow from
    others. Columns of one value are left out.

    Args:
        sample: rows; NaN is missing, and taken for the center.
        center: the mean of each column.
        spread: their standard deviations.
    """
    varies = spread > 0
    if not 2 <= int(varies.sum()) <= _MOST_COLUMNS:
        return 1.0
    z = ((sample - center) / spread)[:, varies].nan_to_num().clamp(-_FARTHEST, _FARTHEST)
    z = z - z.mean(0)
    units = z.square().mean(0).sqrt().clamp(min=1e-9)
    correlation = (z.mT @ z) / (len(z) * units * units[:, None])
    return min(1.0, max(0.0, torch.linalg.eigvalsh(correlation)[0].item()))

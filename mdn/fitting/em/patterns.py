"""Rows by the pattern of what is missing in them; NaN is missing."""

from collections.abc import Iterator

import torch
from jaxtyping import Bool, Float
from torch import Tensor


def observed_patterns(
    y: Float[Tensor, "N D"],
) -> Iterator[tuple[Bool[Tensor, " D"], Bool[Tensor, " N"]]]:
    """Yield which entries are observed, and in which rows; rows without any are left out."""
    patterns, which = torch.unique(~y.isnan(), dim=0, return_inverse=True)
    for i, observed in enumerate(patterns):
        if observed.any():
            yield observed, which == i

"""How finely a network resolves its inputs when it begins.

The first layer's numbers decide how much the output changes as an input does: with a gain above 1
a network finds sharp edges and fast turns sooner, and small wiggles too. Members that begin with
different gains make different errors. Many inputs add up to fast changes by themselves, and every
uninformative one is a chance to overfit, so the gain goes back to 1 as the inputs grow in number.
The many features of one category count as one input, since a row has one of its levels.
"""

from collections.abc import Sequence

import torch
from torch import nn

from mdn.distributions.checks import check_positive

_FEW_INPUTS = 3
"""Inputs up to which a gain counts in full."""


@torch.no_grad()
def apply_first_layer_gain(backbone: nn.Module, num_columns: int, gain: float) -> None:
    """Multiply the initial numbers of the first linear layer; do nothing where there is none.

    Args:
        backbone: from inputs to features.
        num_columns: P, from which its inputs come; above three the factor is 1 + 3 (gain - 1) / P.
        gain: 1 leaves the layer as it is.
    """
    share = min(1.0, _FEW_INPUTS / max(1, num_columns))
    for layer in backbone.modules():
        if isinstance(layer, nn.Linear):
            for parameter in layer.parameters():
                parameter *= 1 + (gain - 1) * share
            return


def check_gains(gains: Sequence[float]) -> None:
    """Refuse no gain at all, and gains that are not above 0.

    Raises:
        ValueError: on such gains.
    """
    if not gains:
        raise ValueError(
            "first_layer_gain takes at least one factor, got none; [1.0] changes nothing"
        )
    for gain in gains:
        check_positive("first_layer_gain", gain)

"""How finely a network looks at its inputs when it begins.

The numbers of its first layer decide how much changes as an input does: begun larger, a network
finds sharp edges and fast turns sooner, and small wiggles too. Members of an ensemble that begin
differently err differently. Many inputs add up to fast changes by themselves, and every one that
tells nothing is a chance to overfit, so the factor goes back to one as inputs grow in number.
"""

import torch
from torch import nn

_FEW_INPUTS = 3
"""Inputs up to which a factor counts in full."""


@torch.no_grad()
def sharpen(backbone: nn.Module, num_inputs: int, factor: float) -> None:
    """Multiply what the first linear layer begins with; nothing where there is none.

    Args:
        backbone: from num_inputs to features.
        num_inputs: P; above three of them the factor is 1 + 3 (factor - 1) / P.
        factor: 1 leaves it as it is.
    """
    share = min(1.0, _FEW_INPUTS / max(1, num_inputs))
    for layer in backbone.modules():
        if isinstance(layer, nn.Linear):
            for parameter in layer.parameters():
                parameter *= 1 + (factor - 1) * share
            return

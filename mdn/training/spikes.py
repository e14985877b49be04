"""Gradients far larger than those before them.

The optimizer remembers squares of gradients. Without a limit to their norm, one that is a million
times too large holds it back for hundreds of steps; a clipped one does no harm.
"""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

_TIMES = 1000.0
"""Ordinary training has stayed below 70, with targets that have no variance."""

_FIRST = 20
"""Steps before there is anything to compare with."""

_MEMORY = 0.99


class Spikes:
    """The usual norm of each member's gradient, and which norms are beyond all measure.

    One spike in a row is a spike; more are the usual from there on.

    Attributes:
        state: the mean of the norms so far, how many there were, and whether the last was a spike:
            [3, M].
    """

    def __init__(self, state: Float[Tensor, "3 M"]) -> None:
        self.state = state

    def find(self, norms: Float[Tensor, " M"]) -> Bool[Tensor, " M"]:
        """Tell which norms are spikes; take note of all that are finite."""
        mean, steps, before = self.state
        finite = norms.isfinite()
        spike = finite & (steps >= _FIRST) & (norms > _TIMES * mean) & (before == 0)
        weight = (1 / (steps + 1)).clamp(min=1 - _MEMORY)
        counts = finite & ~spike
        mean = torch.where(counts, mean + weight * (norms - mean), mean)
        self.state = torch.stack([mean, steps + counts, spike.to(mean)])
        return spike

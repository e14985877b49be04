"""Schedules: the factor of the optimizer's learning rate at each step, from 0 to 1."""

import math

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR


def cosine(optimizer: Optimizer, total_steps: int, warmup: float) -> LambdaLR:
    """Warm up linearly over a fraction of the steps, then fall to zero in half a cosine.

    Raises:
        ValueError: on a fraction outside 0 to 1.
    """
    if not 0 <= warmup <= 1:
        raise ValueError(f"warmup must be a fraction of the steps, 0 to 1, got {warmup!r}")
    rising = max(1, round(warmup * total_steps))
    falling = max(1, total_steps - rising)

    def rate(step: int) -> float:
        if step < rising:
            return (step + 1) / rising
        return 0.5 * (1 + math.cos(math.pi * min(1, (step - rising) / falling)))

    return LambdaLR(optimizer, rate)


def constant(optimizer: Optimizer, total_steps: int) -> LambdaLR:
    """Keep the optimizer's rate throughout."""
    return LambdaLR(optimizer, lambda step: 1.0)

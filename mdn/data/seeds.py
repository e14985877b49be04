"""Random streams that depend on whole numbers only, and not on each other."""

import numpy as np
import torch


def generator(*keys: int) -> torch.Generator:
    """A generator that is a function of its keys; a different key is an independent stream.

    Args:
        keys: whole numbers from 0 up, for example (seed, epoch).
    """
    state = np.random.SeedSequence(keys).generate_state(1, np.uint64)
    return torch.Generator().manual_seed(int(state[0]))

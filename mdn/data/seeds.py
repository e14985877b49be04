"""Random streams that depend on a purpose and whole numbers only, and not on each other."""

import numpy as np
import torch


def generator(purpose: str, *keys: int) -> torch.Generator:
    """Make a generator that depends on its arguments only; another purpose or key is independent.

    Args:
        purpose: what is drawn, so that two uses of one seed share nothing.
        keys: whole numbers from 0 up, for example seed and epoch; always as many for a purpose.
    """
    words = (int.from_bytes(purpose.encode()), *keys)
    state = np.random.SeedSequence(words).generate_state(1, np.uint64)
    return torch.Generator().manual_seed(int(state[0]))

"""Random numbers that belong to a row: they follow from its number in the file and from a seed.

So it does not matter in which order rows are read, or in pieces of which size.
"""

import numpy as np
import torch
from jaxtyping import Float64, Int64
from torch import Tensor

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_FACTORS = (np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB))
_SHIFTS = (np.uint64(30), np.uint64(27), np.uint64(31))
_UNUSED = np.uint64(11)
"""Bits beyond the 53 digits of float64."""


def row_draws(numbers: Int64[Tensor, " N"], purpose: str, *keys: int) -> Float64[Tensor, " N"]:
    """Draw a number from [0, 1) for each row.

    Args:
        numbers: of the rows, from 0.
        purpose: what is drawn; another purpose or key is independent.
        keys: whole numbers from 0 up.
    """
    words = (int.from_bytes(purpose.encode()), *keys)
    start = np.random.SeedSequence(words).generate_state(1, np.uint64)[0]
    mixed = mixed_bits(numbers.numpy().view(np.uint64) * _GOLDEN + start)
    return torch.from_numpy((mixed >> _UNUSED) * 2.0**-53)


def mixed_bits(words: np.ndarray) -> np.ndarray:
    """Mix the bits of words of 64 bits, as SplitMix64 does (Steele, Lea and Flood 2014)."""
    words = (words ^ (words >> _SHIFTS[0])) * _FACTORS[0]
    words = (words ^ (words >> _SHIFTS[1])) * _FACTORS[1]
    return words ^ (words >> _SHIFTS[2])

"""A number that tells whether rows are the same, whatever their order, without the rows."""

import numpy as np
from jaxtyping import Float64
from torch import Tensor

from mdn.data.stream.row_draws import mixed_bits
from mdn.data.table import Table

_ODD = 0x9E3779B97F4A7C15
_WORD = 2**64


class Checksum:
    """The sum over rows of a number in which all columns of a row meet."""

    def __init__(self) -> None:
        self._total = 0

    def update(self, table: Table) -> None:
        """See some rows."""
        words = sum(_row_words(each, i) for i, each in enumerate(table.tensors))
        self._total += int(mixed_bits(np.asarray(words)).sum(dtype=np.uint64))

    def value(self) -> float:
        """Return a number from 0 to 1."""
        return self._total % _WORD / _WORD


def _row_words(values: Float64[Tensor, "N ..."], which: int) -> np.ndarray:
    bits = values.reshape(len(values), -1).numpy().view(np.uint64)
    columns = np.arange(bits.shape[1], dtype=np.uint64) + np.uint64(1 + 1_000_003 * which)
    return (bits * (columns * np.uint64(2) * np.uint64(_ODD) + np.uint64(1))).sum(
        1, dtype=np.uint64
    )

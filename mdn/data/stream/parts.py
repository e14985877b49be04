"""Which rows of a file belong to which part: by a number drawn for each row.

A row stays in its part when rows are added behind it.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from jaxtyping import Bool
from torch import Tensor

from mdn.data.stream.row_draws import row_draws
from mdn.data.stream.source import Chunk


@dataclass(frozen=True)
class Part:
    """The rows whose number lies in an interval.

    Attributes:
        begin: of the interval, from 0.
        end: of it, up to 1.
        seed: of the numbers.
    """

    begin: float = 0.0
    end: float = 1.0
    seed: int = 0

    def rows(self, chunk: Chunk) -> Bool[Tensor, " N"]:
        """Tell which rows belong to the part."""
        drawn = row_draws(chunk.numbers, "part", self.seed)
        return (drawn >= self.begin) & (drawn < self.end)


def parts_of(fractions: Mapping[str, float], seed: int) -> dict[str, Part]:
    """Return a part for each fraction, and "train" with the rest."""
    parts, begin = {}, 0.0
    for name, fraction in fractions.items():
        parts[name] = Part(begin, begin + fraction, seed)
        begin += fraction
    return parts | {"train": Part(begin, 1.0, seed)}

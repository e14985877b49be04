"""What a recipe says of the features that a network gets from its inputs."""

from collections.abc import Sequence
from dataclasses import dataclass

from mdn.networks.kinds import Kind, check_shape


@dataclass(frozen=True)
class Encoding:
    """Features of numbers, as `mdn.networks.kinds.Number` has them.

    Attributes:
        scaling: "standard", "robust" or "quantile".
        pieces: of a piecewise linear code beside the value; 0 for none.
        waves: frequencies, of each of which sine and cosine stand beside the value; 0 for none.
        principal: principal components of all numbers stand beside the values, each about the size
            of 1. Where inputs are much alike, their differences are learned sooner.

    Raises:
        ValueError: on an unknown scaling, and on numbers out of range.
    """

    scaling: str = "standard"
    pieces: int = 0
    waves: int = 0
    principal: bool = False

    def __post_init__(self) -> None:
        check_shape(self.scaling, self.pieces, self.waves)

    def of(self, kinds: Sequence[Kind]) -> tuple[Kind, ...]:
        """Return kinds whose numbers have these features."""
        shape = (self.scaling, self.pieces, self.waves, self.principal)
        return tuple(kind.shaped(*shape) for kind in kinds)

"""What a recipe says of the features that a network gets from its inputs."""

from collections.abc import Sequence
from dataclasses import dataclass

from mdn.distributions.open_settings import Auto, decided
from mdn.networks.kinds import Kind, check_shape


@dataclass(frozen=True)
class Encoding:
    """Features of numbers, as `mdn.networks.kinds.Number` has them.

    Attributes:
        scaling: "standard", "robust" or "quantile".
        pieces: of a piecewise linear code beside the value; 0 for none.
        waves: frequencies, of each of which sine and cosine stand beside the value; 0 for none.
        principal: principal components of all numbers stand beside the values, each about the size
            of 1, by which their small differences are learned sooner; "auto" until a recipe has
            decided it: where some inputs are mostly told by others.

    Raises:
        ValueError: on an unknown scaling, and on numbers out of range.
    """

    scaling: str = "standard"
    pieces: int = 0
    waves: int = 0
    principal: bool | Auto = "auto"

    def __post_init__(self) -> None:
        check_shape(self.scaling, self.pieces, self.waves)

    def of(self, kinds: Sequence[Kind]) -> tuple[Kind, ...]:
        """Return kinds whose numbers have these features."""
        principal = bool(decided("principal", self.principal))
        shape = (self.scaling, self.pieces, self.waves, principal)
        return tuple(kind.shaped(*shape) for kind in kinds)

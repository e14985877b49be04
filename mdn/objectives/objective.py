"""What every objective is: a value that is called with mixtures and targets."""

import math
from abc import ABC, abstractmethod

from jaxtyping import Float
from torch import Tensor

from mdn.mixture import GaussianMixture


class Objective(ABC):
    """What training minimises, in standardised units; validation and test score the NLL alone."""

    @abstractmethod
    def __call__(
        self, mixture: GaussianMixture, y: Float[Tensor, "*rows D"]
    ) -> tuple[Float[Tensor, "*out"], Float[Tensor, "*out"]]:
        """The loss of each row, and its negative log likelihood, without gradient, to be logged."""


def check_not_negative(name: str, value: float) -> None:
    """Refuse what is not a finite number of at least zero."""
    if not (isinstance(value, int | float) and 0 <= value < math.inf):
        raise ValueError(f"{name} must be a number of at least 0, got {value!r}")

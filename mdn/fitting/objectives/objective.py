"""What every objective is: a value that is called with mixtures and targets."""

from abc import ABC, abstractmethod

from jaxtyping import Float
from torch import Tensor

from mdn.distributions.mixture import GaussianMixture


class Objective(ABC):
    """What training minimises, in standardised units; validation and test score the NLL alone."""

    @abstractmethod
    def __call__(
        self, mixture: GaussianMixture, y: Float[Tensor, "*rows D"]
    ) -> tuple[Float[Tensor, "*out"], Float[Tensor, "*out"]]:
        """The loss of each row, and its negative log likelihood, without gradient, to be logged."""

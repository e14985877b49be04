"""The interface of objectives."""

from abc import ABC, abstractmethod

from jaxtyping import Float
from torch import Tensor

from mdn.distributions.mixture import GaussianMixture


class Objective(ABC):
    """What training minimizes, in standardized units; validation and test score the NLL alone."""

    @abstractmethod
    def __call__(
        self, mixture: GaussianMixture, y: Float[Tensor, "*rows D"]
    ) -> tuple[Float[Tensor, "*out"], Float[Tensor, "*out"]]:
        """Return the loss of each row, and its nll without gradient, to be logged."""

"""The interface of objectives."""

from abc import ABC, abstractmethod

from jaxtyping import Float
from torch import Tensor

from mdn.distributions.mixture import GaussianMixture, check_gaussian


class Objective(ABC):
    """What training minimizes, in standardized units; validation and test score the NLL alone."""

    def __call__(
        self, mixture: object, y: Float[Tensor, "*rows D"]
    ) -> tuple[Float[Tensor, "*out"], Float[Tensor, "*out"]]:
        """Return the loss of each row, and its nll without gradient, to be logged.

        Args:
            mixture: what the network answers with.
            y: targets.

        Raises:
            TypeError: on anything but Gaussian mixtures.
        """
        return self.loss(check_gaussian(mixture), y)

    @abstractmethod
    def loss(
        self, mixture: GaussianMixture, y: Float[Tensor, "*rows D"]
    ) -> tuple[Float[Tensor, "*out"], Float[Tensor, "*out"]]:
        """Return what `__call__` does, of Gaussian mixtures."""

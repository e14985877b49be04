"""The interface of objectives."""

from abc import ABC, abstractmethod

from jaxtyping import Float
from torch import Tensor

from mdn.distributions.mixture import GaussianMixture


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
        if not isinstance(mixture, GaussianMixture):
            raise TypeError(
                f"the head answers with a {type(mixture).__name__}, and units, ensembles, resets "
                "and all answers of a model are Gaussian mathematics; let the head return a "
                "GaussianMixture, or train the other density outside of mdn"
            )
        return self.loss(mixture, y)

    @abstractmethod
    def loss(
        self, mixture: GaussianMixture, y: Float[Tensor, "*rows D"]
    ) -> tuple[Float[Tensor, "*out"], Float[Tensor, "*out"]]:
        """Return what `__call__` does, of Gaussian mixtures."""

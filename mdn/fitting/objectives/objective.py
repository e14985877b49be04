"""The interface of objectives."""

from abc import ABC, abstractmethod
from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor

from mdn.distributions.mixture import GaussianMixture, check_gaussian


class Objective(ABC):
    """What training minimizes, in standardized units; validation and test score the NLL alone.

    Attributes:
        takes_missing_targets: whether the loss of a row in which some targets are standard normals
            on their own is that of the other targets, but for half of log 2 pi for each.
    """

    takes_missing_targets: ClassVar[bool] = False

    def __call__(
        self, mixture: object, y: Float[Tensor, "*rows D"]
    ) -> tuple[Float[Tensor, "*out"], Float[Tensor, "*out"]]:
        """Return the loss of each row, and its nll without gradient, to be logged.

        Args:
            mixture: what the network answers with.
            y: targets.

        Raises:
            TypeError: on anything but Gaussian mixtures, and where `loss` does not return two
                tensors.
            ValueError: where these are not one number for each row of each member.
        """
        mixture = check_gaussian(mixture)
        answer = self.loss(mixture, y)
        _check_answer(answer, type(self).__name__, mixture, y)
        return answer

    def check_missing_targets(self) -> None:
        """Refuse rows that lack targets, where the objective is not defined by those present.

        Raises:
            ValueError: from such an objective.
        """
        if not self.takes_missing_targets:
            raise ValueError(
                f"the objective {type(self).__name__} takes rows with every target, and some "
                "training rows lack one; train with the objective nll, or leave out or fill these "
                "rows"
            )

    @abstractmethod
    def loss(
        self, mixture: GaussianMixture, y: Float[Tensor, "*rows D"]
    ) -> tuple[Float[Tensor, "*out"], Float[Tensor, "*out"]]:
        """Return what `__call__` does, of Gaussian mixtures."""


def _check_answer(answer: object, name: str, mixture: GaussianMixture, y: Tensor) -> None:
    wanted = f"{name}.loss must return a tuple (loss, nll) of two tensors"
    if not (
        isinstance(answer, tuple)
        and len(answer) == 2
        and all(isinstance(part, Tensor) for part in answer)
    ):
        raise TypeError(f"{wanted}, got {_in_words(answer)}")
    loss, nll = answer
    if loss.shape == nll.shape == mixture.log_pi.shape[:-1] and loss.shape[-1:] == y.shape[:-1]:
        return  # as nearly always; to broadcast shapes takes as long as a small layer
    shape = torch.broadcast_shapes(mixture.batch_shape, y.shape[:-1])
    if loss.shape != shape or nll.shape != shape:
        raise ValueError(
            f"{wanted}, each with one number for each row of each member, {list(shape)}, got "
            f"{list(loss.shape)} and {list(nll.shape)}; do not average, training does"
        )


def _in_words(answer: object) -> str:
    if isinstance(answer, Tensor):
        return f"one tensor {list(answer.shape)}"
    if isinstance(answer, tuple):
        return f"a tuple of {[type(part).__name__ for part in answer]}"
    return f"a {type(answer).__name__}"

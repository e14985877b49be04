"""Probabilities of what one target may do: lie above a value, below it, or between two."""

from abc import abstractmethod
from typing import TypeVar

import torch
from jaxtyping import Float
from torch import Tensor

from mdn.distributions.abstract import Mixture
from mdn.distributions.values import Values, as_values

AnyProbabilities = TypeVar("AnyProbabilities", bound="Probabilities")


class Probabilities(Mixture):
    """Questions about the probability of a range of one target."""

    def probability_above(self, y: Values) -> Float[Tensor, "*out"]:
        mixture, values = as_values(_of_one_target(self), y)
        return mixture.cdf(values, upper=True).squeeze(-1)

    def probability_below(self, y: Values) -> Float[Tensor, "*out"]:
        mixture, values = as_values(_of_one_target(self), y)
        return mixture.cdf(values).squeeze(-1)

    def probability_between(self, low: Values, high: Values) -> Float[Tensor, "*out"]:
        mixture, start = as_values(_of_one_target(self), low, "low")
        mixture, end = as_values(mixture, high, "high")
        start, end = torch.broadcast_tensors(start.to(end), end)
        if not torch.compiler.is_compiling():
            _check_order(start, end)
        return mixture._mass(start, end).squeeze(-1)

    @abstractmethod
    def _mass(
        self, low: Float[Tensor, "*rows D"], high: Float[Tensor, "*rows D"]
    ) -> Float[Tensor, "*out D"]:
        """The probability of each target between two values."""


def _of_one_target(mixture: AnyProbabilities) -> AnyProbabilities:
    if mixture.num_targets > 1:
        names = mixture.target_names
        raise ValueError(
            f"the probability above, below or between values is about one target, got mixtures of "
            f"{mixture.num_targets}{f': {list(names)}' if names else ''}; ask "
            f"mixture.marginal({names[0] if names else 0!r}), or count samples for several at once"
        )
    return mixture


def _check_order(low: Tensor, high: Tensor) -> None:
    wrong = low > high
    if wrong.any():
        raise ValueError(
            f"probability_between takes low and high in this order, got low {low[wrong][0]:g} and "
            f"high {high[wrong][0]:g}"
        )

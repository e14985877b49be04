"""The likelihood, and beside it a proper score that spikes cannot win (Gneiting, Raftery 2007).

A likelihood has no bound: it rewards a component on a single row as much as it can. The CRPS, and
the energy score for several targets, is in units of the target and hardly rewards it.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from mdn.distributions.checks import check_not_negative
from mdn.distributions.mixture import GaussianMixture
from mdn.fitting.objectives.objective import Objective
from mdn.metrics import crps, energy_score


@dataclass(frozen=True)
class NLLWithCRPS(Objective):
    """The negative log likelihood plus a multiple of the CRPS of the standardized target.

    For several targets it is the energy score, with directions drawn for every batch from torch's
    global generator.

    Attributes:
        weight: nats for each standard deviation of the score.
        num_directions: drawn for the energy score; rounded up to whole orthogonal sets.

    Raises:
        ValueError: on a number out of range.
    """

    weight: float
    num_directions: int

    def __post_init__(self) -> None:
        check_not_negative("weight", self.weight)
        if not isinstance(self.num_directions, int) or self.num_directions < 1:
            raise ValueError(
                f"num_directions must be a whole number of at least 1, got {self.num_directions!r}"
            )

    def loss(
        self, mixture: GaussianMixture, y: Float[Tensor, "*rows D"]
    ) -> tuple[Float[Tensor, "*out"], Float[Tensor, "*out"]]:
        nll = -mixture.log_prob(y)
        return nll + self.weight * self._score(mixture, y), nll.detach()

    def _score(
        self, mixture: GaussianMixture, y: Float[Tensor, "*rows D"]
    ) -> Float[Tensor, "*out"]:
        if mixture.num_targets == 1:
            return crps(mixture, y).squeeze(-1)
        seed = int(torch.randint(2**31, ()))
        return energy_score(mixture, y, self.num_directions, seed)

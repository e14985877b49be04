"""Maximum likelihood (Bishop 1994)."""

from dataclasses import dataclass
from typing import ClassVar

from jaxtyping import Float
from torch import Tensor

from mdn.distributions.mixture import GaussianMixture
from mdn.fitting.objectives.objective import Objective


@dataclass(frozen=True)
class NLL(Objective):
    """The negative log likelihood, in nats."""

    takes_missing_targets: ClassVar[bool] = True

    def loss(
        self, mixture: GaussianMixture, y: Float[Tensor, "*rows D"]
    ) -> tuple[Float[Tensor, "*out"], Float[Tensor, "*out"]]:
        loss = -mixture.log_prob(y)
        return loss, loss.detach()

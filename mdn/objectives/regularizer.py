"""What holds training back from fitting single rows; nothing of it is on by default.

Noise on x and y in training is kernel smoothing of the density (Rothfuss et al. 2019,
arXiv 1907.08982). A reward for the entropy of the weights keeps components in use.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from mdn.mixture import GaussianMixture
from mdn.objectives.objective import check_not_negative


@dataclass(frozen=True)
class Regularizer:
    """Noise on the rows of a training batch, and a reward for even weights; 0 is none of it.

    Attributes:
        input_noise: its standard deviation, in units of the standardised inputs.
        target_noise: its standard deviation, in units of the standardised targets.
        entropy: nats of loss for each nat of entropy of the weights.

    Raises:
        ValueError: on a number below 0.
    """

    input_noise: float
    target_noise: float
    entropy: float

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            check_not_negative(name, value)

    def disturb(
        self, x: Float[Tensor, "*rows P"], y: Float[Tensor, "*rows D"]
    ) -> tuple[Float[Tensor, "*rows P"], Float[Tensor, "*rows D"]]:
        """Standardised inputs and targets with fresh noise, from torch's own generator."""
        return _noisy(x, self.input_noise), _noisy(y, self.target_noise)

    def penalise(
        self, mixture: GaussianMixture, loss: Float[Tensor, "*batch"]
    ) -> Float[Tensor, "*batch"]:
        """The loss less the reward."""
        return loss - self.entropy * weight_entropy(mixture) if self.entropy else loss


def weight_entropy(mixture: GaussianMixture) -> Float[Tensor, "*batch"]:
    """The entropy of the weights, from 0 for one component to log K for even weights, in nats."""
    return -(mixture.pi * mixture.log_pi).sum(-1)


def _noisy(values: Tensor, std: float) -> Tensor:
    return values + std * torch.randn_like(values) if std else values

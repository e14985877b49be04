"""The beta-NLL of one Gaussian (Seitzer et al. 2022, arXiv 2203.09168).

The likelihood pulls at a mean with a force of 1 / s^2, so a row that is taken for noise is hardly
learned from, and stays badly predicted. Here each row's term is multiplied by s^(2 beta), without
gradient: 0 is the likelihood, 1 pulls at the mean as the squared error does.

With several targets each has a term of its own, its likelihood given those before it, and it is
multiplied by its own conditional s, the diagonal of the factor. The targets of a diagonal family
are thus independent; with correlations the loss depends on the order of the targets.
"""

from dataclasses import dataclass
from typing import ClassVar

from jaxtyping import Float
from torch import Tensor

from mdn.distributions import normal
from mdn.distributions.mixture import GaussianMixture
from mdn.fitting.objectives.objective import Objective


@dataclass(frozen=True)
class BetaNLL(Objective):
    """The negative log likelihood of each target times a power of its variance.

    Attributes:
        beta: the power, from 0 to 1; the authors' choice is 0.5.

    Raises:
        ValueError: on a power out of range; when called, on more than one component.
    """

    takes_missing_targets: ClassVar[bool] = True

    beta: float = 0.5

    def __post_init__(self) -> None:
        if not 0 <= self.beta <= 1:
            raise ValueError(f"beta must be a number from 0 to 1, got {self.beta!r}")

    def loss(
        self, mixture: GaussianMixture, y: Float[Tensor, "*rows D"]
    ) -> tuple[Float[Tensor, "*out"], Float[Tensor, "*out"]]:
        if mixture.num_components != 1:
            raise ValueError(
                f"beta_nll is for one component, got {mixture.num_components}; set "
                "`num_components=1`, or take another objective"
            )
        scale = mixture.scale
        whitened = scale.whiten(y[..., None, :] - mixture.mu).squeeze(-2)
        std = scale.tril().diagonal(dim1=-2, dim2=-1).squeeze(-2)
        terms = std.log() - normal.log_density(whitened)
        weight = std.detach().pow(2 * self.beta)
        return (weight * terms).sum(-1), terms.detach().sum(-1)

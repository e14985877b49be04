"""Two correlated targets on two branches: the problem on which the covariance family matters."""

import math

import torch
from jaxtyping import Float64
from torch import Tensor

from mdn.data.synthetic.planes import rotation
from mdn.data.synthetic.problem import IndependentMixtureProblem, correlated_mixture, uniform
from mdn.distributions.mixture import GaussianMixture


class TwoBranches(IndependentMixtureProblem):
    """Two components with means (sin 2x, cos 2x) and (-sin 2x, x / 2), x ~ U(-2, 2).

    The first weighs sigmoid(2x). Both have standard deviations 0.5 along an axis and 0.05 across;
    the axes turn by x and by pi / 3 - x.
    """

    target_names = ("y0", "y1")

    def inputs(self, rows: int, generator: torch.Generator) -> Float64[Tensor, "N P"]:
        return uniform(rows, -2, 2, generator)

    def conditional(self, x: Float64[Tensor, "N P"]) -> GaussianMixture:
        pi = torch.cat([torch.sigmoid(2 * x), torch.sigmoid(-2 * x)], -1)
        first = torch.cat([torch.sin(2 * x), torch.cos(2 * x)], -1)
        second = torch.cat([-torch.sin(2 * x), x / 2], -1)
        turned = rotation(torch.cat([x, math.pi / 3 - x], -1))
        covariance = turned @ x.new_tensor([0.5, 0.05]).square().diag() @ turned.mT
        return correlated_mixture(pi, torch.stack([first, second], -2), covariance)

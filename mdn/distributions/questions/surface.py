"""The log density of mixtures as a surface: its height, its slope and its curvature.

With responsibilities r_k at y and pulls p_k = S_k^-1 (mu_k - y),

    gradient = sum_k r_k p_k
    Hessian  = sum_k r_k p_k p_k' - gradient gradient' - H,      H = sum_k r_k S_k^-1

and H^-1 gradient is a step of EM, which never goes downhill (Carreira-Perpinan 2000).
"""

import functools
import math
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn.functional import threshold

from mdn.distributions.parameters import MixtureParameters


@dataclass(frozen=True)
class Derivatives:
    """The surface at some points.

    Attributes:
        height: the log density.
        gradient: of the log density.
        hessian: of the log density.
        precision: H, the components' precisions, weighted by responsibility.
    """

    height: Float[Tensor, "R S"]
    gradient: Float[Tensor, "R S D"]
    hessian: Float[Tensor, "R S D D"]
    precision: Float[Tensor, "R S D D"]

    def peaked(self) -> Bool[Tensor, "R S"]:
        """Tell whether the surface bends down in every direction."""
        return torch.linalg.cholesky_ex(-self.hessian).info == 0

    def step(
        self, newton: Bool[Tensor, "R S"], stretch: Float[Tensor, "R S"], reach: float
    ) -> Float[Tensor, "R S D"]:
        """Take Newton's step at some of the points and EM's at the others.

        Args:
            newton: where to take Newton's; the surface must be peaked there.
            stretch: how many times its length a step of EM may be drawn out to.
            reach: how far Newton's, and one drawn out, may lead, in standard deviations of H.
        """
        bend = torch.where(newton[..., None, None], -self.hessian, self.precision)
        step = _solved(bend, self.gradient[..., None]).squeeze(-1)
        length = (step * times(self.precision, step)).sum(-1).sqrt()
        within = reach / length.clamp(min=torch.finfo(length.dtype).tiny)
        stretched = torch.minimum(stretch, within.clamp(min=1))
        return torch.where(newton, within.clamp(max=1), stretched)[..., None] * step

    def newton_step(self, fixed: bool = True) -> Float[Tensor, "R S D"]:
        """Return the step to the mode where peaked, and zero elsewhere.

        With the Hessian held fixed, its derivative in the parameters is that of the mode.
        """
        peaked = self.peaked()[..., None, None]
        bend = torch.where(peaked, -self.hessian, self.precision)
        bend = bend.detach() if fixed else bend
        step = _solved(bend, self.gradient[..., None])
        return torch.where(peaked, step, torch.zeros_like(step)).squeeze(-1)


@dataclass(frozen=True)
class Surface:
    """The log densities of R mixtures around S points each.

    Attributes:
        mixture: the mixtures, with an axis of length 1 for the points: batch shape (R, 1).
        precision: S_k^-1.
    """

    mixture: MixtureParameters
    precision: Float[Tensor, "R 1 K D D"]

    @classmethod
    def of(cls, mixture: MixtureParameters) -> "Surface":
        """Build the surface of mixtures with one batch axis."""
        points = mixture.map(lambda stored: stored[:, None])
        inverse = torch.linalg.inv(points.scale.tril().expand(*points.mu.shape, -1))
        return cls(points, inverse.mT @ inverse)

    def rows(self, chosen: Bool[Tensor, " R"]) -> "Surface":
        """Return the surfaces of some mixtures."""
        return Surface(self.mixture[chosen], self.precision[chosen])

    def derivatives(self, y: Float[Tensor, "R S D"]) -> Derivatives:
        """Return height, slope and curvature at y."""
        joint = self.mixture.log_pi + self.mixture.component_log_prob(y)
        height, share = height_and_share(joint)
        towards = self.mixture.mu - y[..., None, :]
        pull = times(self.precision, towards)
        shared = share[..., None] * pull
        gradient = shared.sum(-2)
        precision = torch.einsum("rsk,rkde->rsde", share, self.precision.squeeze(1))
        outer = gradient[..., :, None] * gradient[..., None, :]
        hessian = shared.mT @ pull - outer - precision
        return Derivatives(height, gradient, hessian, precision)


def _solved(
    bend: Float[Tensor, "R S D D"], gradient: Float[Tensor, "R S D 1"]
) -> Float[Tensor, "R S D 1"]:
    step, info = torch.linalg.solve_ex(bend, gradient)
    if info.any():
        raise ValueError(
            "modes are not found in this floating type: components so narrow in directions of "
            f"their own have curvatures that are singular in {bend.dtype}; ask the mixture "
            ".to(dtype=torch.float64), or take a marginal"
        )
    return step


def height_and_share(
    joint: Float[Tensor, "*points K"],
) -> tuple[Float[Tensor, "*points"], Float[Tensor, "*points K"]]:
    """Return logsumexp and softmax, from one exp."""
    top = joint.amax(-1, keepdim=True)
    # Numbers too small for their type are ten times as slow, and add nothing.
    least = 0.8 * math.log(torch.finfo(joint.dtype).tiny)
    weight = threshold(joint - top, least, -math.inf).exp()
    total = weight.sum(-1, keepdim=True)
    return (top + total.log()).squeeze(-1), weight / total


def times(
    matrix: Float[Tensor, "*matrices D D"], vector: Float[Tensor, "*vectors D"]
) -> Float[Tensor, "*out D"]:
    """Multiply many small matrices with a vector each, by columns: @ is slow on the CPU."""
    columns = [matrix[..., d] * vector[..., d : d + 1] for d in range(vector.shape[-1])]
    return functools.reduce(torch.add, columns)

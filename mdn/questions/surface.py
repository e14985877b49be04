"""The log density of mixtures as a surface: its slope, its curvature, and the way uphill.

With responsibilities r_k at y and pulls p_k = S_k^-1 (mu_k - y),

    gradient = sum_k r_k p_k
    Hessian  = sum_k r_k p_k p_k' - gradient gradient' - H,      H = sum_k r_k S_k^-1

and H^-1 gradient is a step of EM, which never goes downhill (Carreira-Perpinan 2000).
"""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from mdn.parameters import MixtureParameters

_MOST_STEPS = 500


@dataclass(frozen=True)
class Shape:
    """The surface at some points.

    Attributes:
        gradient: of the log density.
        hessian: of the log density.
        precision: H, that of the components by their responsibility.
    """

    gradient: Float[Tensor, "R S D"]
    hessian: Float[Tensor, "R S D D"]
    precision: Float[Tensor, "R S D D"]

    def peaked(self) -> Bool[Tensor, "R S"]:
        """Whether the surface bends down in every direction."""
        return torch.linalg.cholesky_ex(-self.hessian).info == 0

    def em_step(self) -> Float[Tensor, "R S D"]:
        return torch.linalg.solve(self.precision, self.gradient[..., None]).squeeze(-1)

    def newton_step(self) -> Float[Tensor, "R S D"]:
        """The step to the mode where peaked, and none elsewhere.

        With the Hessian held fixed, its derivative in the parameters is that of the mode.
        """
        peaked = self.peaked()[..., None, None]
        bend = torch.where(peaked, -self.hessian, self.precision).detach()
        step = torch.linalg.solve(bend, self.gradient[..., None])
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
        """The surface of mixtures with one batch axis."""
        points = mixture.map(lambda stored: stored[:, None])
        inverse = torch.linalg.inv(points.scale.tril().expand(*points.mu.shape, -1))
        return cls(points, inverse.mT @ inverse)

    def rows(self, chosen: Bool[Tensor, " R"]) -> "Surface":
        """The surfaces of some mixtures."""
        return Surface(self.mixture[chosen], self.precision[chosen])

    def shape(self, y: Float[Tensor, "R S D"]) -> Shape:
        """Slope and curvature at y."""
        share = torch.softmax(self.mixture.log_pi + self.mixture.component_log_prob(y), -1)
        towards = self.mixture.mu - y[..., None, :]
        pull = (self.precision @ towards[..., None]).squeeze(-1)
        shared = share[..., None] * pull
        gradient = shared.sum(-2)
        precision = torch.einsum("rsk,rkde->rsde", share, self.precision.squeeze(1))
        outer = gradient[..., :, None] * gradient[..., None, :]
        return Shape(gradient, shared.mT @ pull - outer - precision, precision)

    def climb(self, y: Float[Tensor, "R S D"]) -> Float[Tensor, "R S D"]:
        """Where EM steps from y end; mixtures whose points have all arrived drop out."""
        summit, surface = y.clone(), self
        climbing = torch.arange(len(y), device=y.device)
        for _ in range(_MOST_STEPS):
            shape = surface.shape(y)
            step = shape.em_step()
            y = y + step
            summit[climbing] = y
            far = (step * shape.gradient).sum(-1) > torch.finfo(y.dtype).eps
            todo = far.any(-1)
            if not todo.any():
                break
            climbing, y, surface = climbing[todo], y[todo], surface.rows(todo)
        return summit

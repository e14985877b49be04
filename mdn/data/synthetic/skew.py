"""A target with a long tail to one side."""

import math

import torch
from jaxtyping import Float64
from torch import Tensor

from mdn.data.synthetic.problem import Problem, Rows, normal, uniform


class HeavySkew(Problem):
    """A log-normal target: log y ~ N(sin 2x, s), s = 0.3 + 0.7 sigmoid(3x), x ~ U(-2, 2).

    The skewness grows from 1 to 6. The best NLL is 0.877 nats.
    """

    def sample(self, rows: int, generator: torch.Generator) -> Rows:
        x = uniform(rows, -2, 2, generator)
        center, std = self._parameters(x)
        return x, (center + std * normal(rows, 1, 1, generator)).exp()

    def log_prob(
        self, x: Float64[Tensor, "N P"], y: Float64[Tensor, "N D"]
    ) -> Float64[Tensor, " N"]:
        center, std = self._parameters(x)
        log_y = y.clamp(min=0).log()
        z = (log_y.clamp(min=torch.finfo(y.dtype).min) - center) / std
        density = -0.5 * (z.square() + math.log(2 * math.pi)) - std.log() - log_y
        return torch.where(y > 0, density, -math.inf).squeeze(-1)

    def _parameters(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return (2 * x).sin(), 0.3 + 0.7 * torch.sigmoid(3 * x)

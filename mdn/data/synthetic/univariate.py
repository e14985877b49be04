"""One input, one target: noise that widens, noise that jumps, noise that leans."""

import math

import torch
from jaxtyping import Float64
from scipy.signal import lfilter
from torch import Tensor

from mdn.data.synthetic.problem import (
    IndependentMixtureProblem,
    MixtureProblem,
    Problem,
    Rows,
    normal,
    univariate_mixture,
)
from mdn.distributions.mixture import GaussianMixture


class Heteroscedastic(IndependentMixtureProblem):
    """y = x^2 + (1 + x) N(0, 1), with x the absolute value of N(0, 1)."""

    def inputs(self, rows: int, generator: torch.Generator) -> Float64[Tensor, "N P"]:
        return normal(rows, 1, 1, generator).abs()

    def conditional(self, x: Float64[Tensor, "N P"]) -> GaussianMixture:
        return univariate_mixture(torch.ones_like(x), x.square(), 1 + x)


class Jumps(MixtureProblem):
    """A series that drifts to its level and is thrown down now and then; y is the next x.

    y = 0.01 + 0.9 x + noise: N(0, 0.05), and once in twenty steps N(-0.3, 0.1). Rows are
    consecutive steps of one series, after a burn-in.
    """

    decay = 0.9
    burn_in = 200

    def sample(self, rows: int, generator: torch.Generator) -> Rows:
        steps = torch.zeros(self.burn_in + rows + 1, 1, dtype=torch.float64)
        innovations = self.conditional(steps).sample(generator=generator)
        series = torch.from_numpy(lfilter([1], [1, -self.decay], innovations.numpy(), axis=0))
        return series[self.burn_in : -1], series[self.burn_in + 1 :]

    def conditional(self, x: Float64[Tensor, "N P"]) -> GaussianMixture:
        level = 0.01 + self.decay * x
        pi, shift, std = x.new_tensor([[0.95, 0.05], [0, -0.3], [0.05, 0.1]]).unbind()
        return univariate_mixture(pi.expand(len(x), 2), level + shift, std.expand(len(x), 2))


class SkewNormal(Problem):
    """A skew normal (Azzalini 1985) whose location, scale and shape follow x ~ N(0, 0.5).

    Location 0.1 x, scale 0.05 + 0.1 x^2, shape -4 + 4 / (1 + e^-x).
    """

    def sample(self, rows: int, generator: torch.Generator) -> Rows:
        x = normal(rows, 1, 0.5, generator)
        loc, scale, shape = self._parameters(x)
        half, whole = normal(rows, 2, 1, generator).split(1, -1)
        skewed = (shape * half.abs() + whole) / (1 + shape.square()).sqrt()
        return x, loc + scale * skewed

    def log_prob(
        self, x: Float64[Tensor, "N P"], y: Float64[Tensor, "N D"]
    ) -> Float64[Tensor, " N"]:
        loc, scale, shape = self._parameters(x)
        z = (y - loc) / scale
        log_normal = -0.5 * (z.square() + math.log(2 * math.pi))
        leaning = torch.special.log_ndtr(shape * z)
        return (math.log(2) + log_normal + leaning - scale.log()).squeeze(-1)

    def _parameters(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        return 0.1 * x, 0.05 + 0.1 * x.square(), -4 + 4 * torch.sigmoid(x)

"""Inverse problems: predict the cause from the effect, where several causes fit.

A cause y is uniform on an interval and its effect is x = g(y) + noise. By Bayes

    p(y given x) = p(x given y) / integral of p(x given u) over the interval in u,

as the uniform prior cancels. The integral is taken exactly for bounded noise and by Gauss-Legendre
quadrature, far past convergence, for Gaussian noise.
"""

import math

import numpy as np
import torch
from jaxtyping import Float64
from torch import Tensor

from mdn.data.synthetic.problem import Problem, Rows, normal, uniform

_CHUNK = 4096


class InverseProblem(Problem):
    """Bishop's (1994) toy problem: x = y + 0.3 sin 2 pi y + U(-0.1, 0.1), y ~ U(0, 1)."""

    noise = 0.1

    def sample(self, rows: int, generator: torch.Generator) -> Rows:
        y = uniform(rows, 0, 1, generator)
        return _bishop(y) + uniform(rows, -self.noise, self.noise, generator), y

    def log_prob(
        self, x: Float64[Tensor, "N P"], y: Float64[Tensor, "N D"]
    ) -> Float64[Tensor, " N"]:
        possible = (y >= 0) & (y <= 1) & ((x - _bishop(y)).abs() <= self.noise)
        length = _length_below(x + self.noise) - _length_below(x - self.noise)
        return torch.where(possible, -length.log(), -math.inf).squeeze(-1)


class InverseSinusoid(Problem):
    """x = 7 sin 0.75 y + 0.5 y + N(0, 1), y ~ U(-10.5, 10.5): up to five modes of y."""

    limit = 10.5

    def sample(self, rows: int, generator: torch.Generator) -> Rows:
        y = uniform(rows, -self.limit, self.limit, generator)
        return _sinusoid(y) + normal(rows, 1, 1, generator), y

    def log_prob(
        self, x: Float64[Tensor, "N P"], y: Float64[Tensor, "N D"]
    ) -> Float64[Tensor, " N"]:
        # The constants of the two Gaussians cancel.
        density = -0.5 * (x - _sinusoid(y)).square() - self._log_integral(x)
        return torch.where(y.abs() <= self.limit, density, -math.inf).squeeze(-1)

    def _log_integral(self, x: Float64[Tensor, "N 1"]) -> Float64[Tensor, "N 1"]:
        nodes, weights = map(torch.from_numpy, np.polynomial.legendre.leggauss(600))
        centers = _sinusoid(self.limit * nodes)
        log_weights = (self.limit * weights).log()
        terms = (log_weights - 0.5 * (part - centers).square() for part in x.split(_CHUNK))
        return torch.cat([torch.logsumexp(term, -1, keepdim=True) for term in terms])


def _bishop(y: Tensor) -> Tensor:
    return y + 0.3 * torch.sin(2 * math.pi * y)


def _sinusoid(y: Tensor) -> Tensor:
    return 7 * torch.sin(0.75 * y) + 0.5 * y


def _length_below(level: Tensor) -> Tensor:
    """The length of {y in (0, 1): g(y) <= level}, one monotone stretch of g after the other."""
    turn = math.acos(-1 / (0.6 * math.pi)) / (2 * math.pi)
    up = _crossing(level, 0.0, turn)
    down = _crossing(level, 1 - turn, turn)
    up_again = _crossing(level, 1 - turn, 1.0)
    return up + (1 - turn - down) + (up_again - (1 - turn))


def _crossing(level: Tensor, low: float, high: float) -> Tensor:
    """Where g, which rises from `low` to `high`, crosses a level: an end where it does not."""
    below, above = torch.full_like(level, low), torch.full_like(level, high)
    for _ in range(60):
        middle = (below + above) / 2
        rising = _bishop(middle) <= level
        below, above = torch.where(rising, middle, below), torch.where(rising, above, middle)
    return (below + above) / 2

"""What is rare and narrow inside what is common and broad."""

import torch
from jaxtyping import Float64
from torch import Tensor

from mdn.data.synthetic.problem import IndependentMixtureProblem, uniform, univariate_mixture
from mdn.distributions.mixture import GaussianMixture


class TightRegion(IndependentMixtureProblem):
    """y = sin 3x + N(0, s), x ~ U(-1, 1), where s falls from 1 to 0.01 in a fiftieth of all x.

    log s = log(0.01) exp(-((x - 0.3) / 0.02)^8): tight where x is within 0.02 of 0.3.
    The best NLL is 1.332 nats.
    """

    def inputs(self, rows: int, generator: torch.Generator) -> Float64[Tensor, "N P"]:
        return uniform(rows, -1, 1, generator)

    def conditional(self, x: Float64[Tensor, "N P"]) -> GaussianMixture:
        std = 0.01 ** (-(((x - 0.3) / 0.02) ** 8)).exp()
        return univariate_mixture(torch.ones_like(x), (3 * x).sin(), std)


class TightMinority(IndependentMixtureProblem):
    """y = sin 3x + N(0, 1), and for one row in fifty x / 2 + N(0, 0.01); x ~ U(-1, 1).

    The best NLL is 1.401 nats.
    """

    def inputs(self, rows: int, generator: torch.Generator) -> Float64[Tensor, "N P"]:
        return uniform(rows, -1, 1, generator)

    def conditional(self, x: Float64[Tensor, "N P"]) -> GaussianMixture:
        pi, std = x.new_tensor([[0.98, 0.02], [1, 0.01]]).unbind()
        mu = torch.cat([(3 * x).sin(), x / 2], -1)
        return univariate_mixture(pi.expand_as(mu), mu, std.expand_as(mu))

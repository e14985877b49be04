"""Two inputs that matter among many that do not."""

import torch
from jaxtyping import Float64
from torch import Tensor

from mdn.data.synthetic.problem import IndependentMixtureProblem, normal, univariate_mixture
from mdn.distributions.mixture import GaussianMixture


class IrrelevantInputs(IndependentMixtureProblem):
    """Twenty inputs N(0, 1), of which the first, a, and the second, b, say all of y.

    N(sin 2a, s) with weight sigmoid(2b), else N(2 + a / 2, s), with s = 0.1 + 0.2 sigmoid(2a).
    The best NLL is 0.208 nats.
    """

    input_names = tuple(f"x{i}" for i in range(20))
    has_independent_inputs = True

    def inputs(self, rows: int, generator: torch.Generator) -> Float64[Tensor, "N P"]:
        return normal(rows, len(self.input_names), 1, generator)

    def conditional(self, x: Float64[Tensor, "N P"]) -> GaussianMixture:
        a, b = x[:, :1], x[:, 1:2]
        pi = torch.cat([torch.sigmoid(2 * b), torch.sigmoid(-2 * b)], -1)
        mu = torch.cat([(2 * a).sin(), 2 + a / 2], -1)
        return univariate_mixture(pi, mu, (0.1 + 0.2 * torch.sigmoid(2 * a)).expand_as(mu))

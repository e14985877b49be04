"""A problem in units that no network would choose."""

import torch
from jaxtyping import Float64
from torch import Tensor

from mdn.data.synthetic.problem import IndependentMixtureProblem
from mdn.data.synthetic.two_branches import TwoBranches
from mdn.distributions.mixture import GaussianMixture


class AwkwardUnits(IndependentMixtureProblem):
    """The two branches with x, y0 and y1 replaced by 5e6 + 1e4 x, 1e6 + 1e-3 y0 and 3e5 y1 - 20.

    The best NLL is that of the two branches + log(1e-3) + log(3e5) = 5.227 nats.
    """

    target_names = ("y0", "y1")
    input_shift, input_factor = 5e6, 1e4
    shift, factor = (1e6, -20.0), (1e-3, 3e5)

    def inputs(self, rows: int, generator: torch.Generator) -> Float64[Tensor, "N P"]:
        return self.input_shift + self.input_factor * TwoBranches().inputs(rows, generator)

    def conditional(self, x: Float64[Tensor, "N P"]) -> GaussianMixture:
        plain = TwoBranches().conditional((x - self.input_shift) / self.input_factor)
        return plain.affine(x.new_tensor(self.factor), x.new_tensor(self.shift))

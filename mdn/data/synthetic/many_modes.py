"""Many modes in four dimensions, each on a path of its own."""

from functools import cached_property

import torch
from jaxtyping import Float64
from torch import Tensor

from mdn.data.seeds import generator
from mdn.data.synthetic.problem import IndependentMixtureProblem, normal
from mdn.distributions.mixture import GaussianMixture
from mdn.distributions.scale import CovarianceFactor

_PURPOSE = "many modes"


class ManyModes(IndependentMixtureProblem):
    """Eight modes over four targets that move, widen and come and go with x ~ N(0, 1) in 2-D.

    Each number below has a wave sin(b'x + c) of its own, the same in every run, with b normal of
    variance 1/2 and c ~ U(-pi, pi). The mean of mode k is m_k + sin with m_k ~ N(0, 2), its logit
    is sin, and its Cholesky factor exp(0.5 sin) L_k, where L_k has 0.2 on its diagonal and
    N(0, 0.2) below. The best NLL is 1.671 nats.
    """

    input_names = ("x0", "x1")
    has_independent_inputs = True
    target_names = ("y0", "y1", "y2", "y3")
    modes = 8

    def inputs(self, rows: int, generator: torch.Generator) -> Float64[Tensor, "N P"]:
        return normal(rows, len(self.input_names), 1, generator)

    def conditional(self, x: Float64[Tensor, "N P"]) -> GaussianMixture:
        slope, phase = self._waves
        waves = (x @ slope + phase).sin().unflatten(-1, (self.modes, -1))
        logit, width, moved = waves.tensor_split([1, 2], -1)
        centers, tril = self._places
        scaled = (0.5 * width).exp()[..., None] * tril
        log_pi = logit.squeeze(-1).log_softmax(-1)
        return GaussianMixture(log_pi, centers + moved, CovarianceFactor.from_tril(scaled))

    @cached_property
    def _waves(self) -> tuple[Float64[Tensor, "P W"], Float64[Tensor, " W"]]:
        inputs, count = len(self.input_names), self.modes * (2 + len(self.target_names))
        stream = generator(f"{_PURPOSE}: waves")
        slope = normal(inputs, count, inputs**-0.5, stream)
        return slope, torch.pi * (2 * torch.rand(count, generator=stream, dtype=slope.dtype) - 1)

    @cached_property
    def _places(self) -> tuple[Float64[Tensor, "K D"], Float64[Tensor, "K D D"]]:
        targets = len(self.target_names)
        stream = generator(f"{_PURPOSE}: places")
        centers = normal(self.modes, targets, 2, stream)
        below = normal(self.modes, targets**2, 0.2, stream).unflatten(-1, (targets, targets))
        return centers, below.tril(-1) + 0.2 * torch.eye(targets, dtype=below.dtype)

"""Many targets whose correlations turn with x, smooth in one factor of the covariance or another.

In both kinds the strictly lower entries and the logarithms of the positive diagonal are sines of
x; they are those of the Cholesky factor of the covariance, or of the regressions of each target on
those before it, the modified Cholesky factor of the precision. What is smooth and bounded in one
is neither in the other.
"""

from functools import cached_property

import torch
from jaxtyping import Float64
from torch import Tensor

from mdn.data.seeds import generator
from mdn.data.synthetic.problem import IndependentMixtureProblem, normal
from mdn.distributions.checks import check_one_of
from mdn.distributions.mixture import GaussianMixture
from mdn.distributions.scale import CovarianceFactor, PrecisionFactor

_FACTORS = {"covariance": (CovarianceFactor, 0.5), "precision": (PrecisionFactor, 1.0)}
"""The kind of factor, and the amplitude of its strictly lower entries."""


class TurningCorrelations(IndependentMixtureProblem):
    """Two components over six targets; means, scales and correlations follow x ~ N(0, 1) in 3-D.

    Each number below has a wave sin(b'x + c) of its own, the same in every run, with b normal of
    variance 1/3 and c ~ U(-pi, pi). Means are 2 sin, conditional standard deviations
    0.3 exp(0.5 sin), strictly lower entries 0.5 sin in the factor of the covariance and sin in
    that of the precision, and the logit of the first weight is sin. The best NLL is 1.282 nats
    with either.

    Args:
        factor: "covariance" or "precision": the factor whose entries are smooth in x.

    Raises:
        ValueError: on another factor.
    """

    input_names = ("x0", "x1", "x2")
    has_independent_inputs = True
    target_names = ("y0", "y1", "y2", "y3", "y4", "y5")

    def __init__(self, factor: str = "covariance") -> None:
        check_one_of("factor", factor, _FACTORS)
        self.factor = factor

    def inputs(self, rows: int, generator: torch.Generator) -> Float64[Tensor, "N P"]:
        return normal(rows, len(self.input_names), 1, generator)

    def conditional(self, x: Float64[Tensor, "N P"]) -> GaussianMixture:
        targets = len(self.target_names)
        slope, phase = self._waves
        waves = (x @ slope + phase).sin()
        log_pi = torch.cat([waves[:, :1], -waves[:, :1]], -1).div(2).log_softmax(-1)
        entries = waves[:, 1:].unflatten(-1, (2, -1))
        mean, diagonal, lower = entries.tensor_split([targets, 2 * targets], -1)
        kind, size = _FACTORS[self.factor]
        scale = kind(0.3 * (0.5 * diagonal).exp(), size * lower)
        return GaussianMixture(log_pi, 2 * mean, scale)

    @cached_property
    def _waves(self) -> tuple[Float64[Tensor, "P W"], Float64[Tensor, " W"]]:
        inputs, targets = len(self.input_names), len(self.target_names)
        count = 1 + 2 * (2 * targets + targets * (targets - 1) // 2)
        stream = generator("turning correlations")
        slope = torch.randn(inputs, count, generator=stream, dtype=torch.float64) / inputs**0.5
        phase = torch.pi * (2 * torch.rand(count, generator=stream, dtype=torch.float64) - 1)
        return slope, phase

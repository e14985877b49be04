"""Modes that travel round a circle: many ridges in the plane, each with axes of its own."""

import math

import torch
from jaxtyping import Float64
from torch import Tensor

from mdn.data.synthetic.planes import rotation
from mdn.data.synthetic.problem import IndependentMixtureProblem, correlated_mixture, uniform
from mdn.distributions.mixture import GaussianMixture


class CircleOfModes(IndependentMixtureProblem):
    """Five modes a fifth of a turn apart on a circle of radius 2, at the angle x ~ U(-pi, pi).

    With t = x + 2 pi k / 5 for mode k = 0, ..., 4: its mean is 2 (cos t, sin t), its weight is
    proportional to exp(sin(x + 2 k)), and its standard deviations, 0.3 + 0.1 k along an axis and
    0.05 + 0.01 k across, lie along axes that turn by 2 x + k. The best NLL is 0.828 nats.
    """

    target_names = ("y0", "y1")
    modes = 5
    radius = 2.0

    def inputs(self, rows: int, generator: torch.Generator) -> Float64[Tensor, "N P"]:
        return uniform(rows, -math.pi, math.pi, generator)

    def conditional(self, x: Float64[Tensor, "N P"]) -> GaussianMixture:
        mode = torch.arange(self.modes, dtype=x.dtype)
        angle = x + 2 * math.pi / self.modes * mode
        mu = self.radius * torch.stack([angle.cos(), angle.sin()], -1)
        std = torch.stack([0.3 + 0.1 * mode, 0.05 + 0.01 * mode], -1)
        axes = rotation(2 * x + mode)
        covariance = axes @ std.square().diag_embed() @ axes.mT
        return correlated_mixture((x + 2 * mode).sin().softmax(-1), mu, covariance)

"""Turns of the plane."""

import torch
from jaxtyping import Float64
from torch import Tensor


def rotation(angle: Float64[Tensor, "*batch"]) -> Float64[Tensor, "*batch 2 2"]:
    """Make the matrices that turn the plane counter-clockwise by angles in radians."""
    cos, sin = angle.cos(), angle.sin()
    return torch.stack([torch.stack([cos, -sin], -1), torch.stack([sin, cos], -1)], -2)

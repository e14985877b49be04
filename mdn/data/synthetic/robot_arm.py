"""The inverse kinematics of a robot arm with two joints (Bishop 1994)."""

import math

import torch
from jaxtyping import Float64
from torch import Tensor

from mdn.data.synthetic.problem import Problem, Rows, uniform


class RobotArm(Problem):
    """Predict the two joint angles from the position of the hand: elbow up or elbow down.

    The relation has no noise, so there is no density to compare with: judge a prediction by how
    far from the wanted position it brings the hand.
    """

    input_names = ("position0", "position1")
    target_names = ("angle0", "angle1")
    lengths = (0.8, 0.2)
    limits = ((0.3, 1.2), (math.pi / 2, 3 * math.pi / 2))

    def sample(self, rows: int, generator: torch.Generator) -> Rows:
        angles = torch.cat([uniform(rows, *limit, generator) for limit in self.limits], -1)
        return self.position(angles), angles

    def log_prob(self, x: Float64[Tensor, "N P"], y: Float64[Tensor, "N D"]) -> None:
        return None

    def position(self, y: Float64[Tensor, "*batch 2"]) -> Float64[Tensor, "*batch 2"]:
        """Compute where joint angles put the hand."""
        shoulder, elbow = y.unbind(-1)
        upper, lower = self.lengths
        across = upper * shoulder.cos() - lower * (shoulder + elbow).cos()
        along = upper * shoulder.sin() - lower * (shoulder + elbow).sin()
        return torch.stack([across, along], -1)

    def position_error(
        self, x: Float64[Tensor, "*batch 2"], y: Float64[Tensor, "*batch 2"]
    ) -> Float64[Tensor, "*batch"]:
        """Compute the distance between the position wanted and where joint angles put the hand."""
        return torch.linalg.vector_norm(self.position(y) - x, dim=-1)

"""What the predictions for some rows scored, row by row."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass

import torch
from jaxtyping import Float64
from torch import Tensor

from mdn.data.table import Table
from mdn.distributions.mixture import GaussianMixture
from mdn.metrics import grid_nll, nll

LEVEL = 0.9
"""The probability of the intervals that are counted."""


@dataclass(frozen=True)
class Scores:
    """Scores of rows, and how long the fit took.

    Attributes:
        nll: of the density, in nats.
        grid_nll: of the cell of each target's grid around the value; the nll without a grid.
        inside: the share of the targets that lie in the interval between their tails.
        marginal_nll: of the Gaussian that ignores the inputs.
        seconds: of the fit.
    """

    nll: list[float]
    grid_nll: list[float]
    inside: list[float]
    marginal_nll: list[float]
    seconds: float

    def plain(self) -> Mapping[str, object]:
        """Return the scores as plain data."""
        return asdict(self)


def scores_of(
    mixture: GaussianMixture, marginal: GaussianMixture, test: Table, steps: Tensor, seconds: float
) -> Scores:
    """Score predictions, one a row.

    Args:
        mixture: the predictions.
        marginal: the Gaussian that ignores the inputs.
        test: the rows that they are for.
        steps: of the grid of each target; 0 without one.
        seconds: of the fit.
    """
    level = mixture.cdf(test.y)
    tail = (1 - LEVEL) / 2
    inside = ((level > tail) & (level < 1 - tail)).double().mean(-1)
    return Scores(
        nll=nll(mixture, test.y).tolist(),
        grid_nll=grid_nll(mixture, test.y, steps).tolist(),
        inside=inside.tolist(),
        marginal_nll=grid_nll(marginal.expand(len(test)), test.y, steps).tolist(),
        seconds=seconds,
    )


def grid_steps(train: Table) -> Float64[Tensor, " D"]:
    """Return the step of the grid of each target, however fine; 0 without one."""
    steps = train.profile.grid_steps
    return torch.tensor([steps.get(name, 0.0) for name in train.target_names], dtype=torch.float64)

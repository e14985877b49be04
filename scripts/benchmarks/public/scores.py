"""What predictions for the test rows of a split scored."""

from math import sqrt

import torch
from jaxtyping import Float, Float64
from torch import Tensor

from benchmarks.public.split import Split
from mdn.data.seeds import generator
from mdn.distributions.abstract import Mixture
from mdn.metrics import central_coverage, crps, grid_nll, ks_distance, nll, pit, squared_error

LEVEL = 0.9
"""The probability of the intervals that are counted."""

_LEAST_DENSITY = 1e-10
"""Of a value off the grid of a protocol, so that it costs at most 23 nats."""

_BEYOND = 0.05
"""How far such a grid goes beyond the training targets, in their range."""

Figures = dict[str, float]


def row_scores(mixture: Mixture, split: Split) -> Float[Tensor, " M"]:
    """Return the figure compared for each test row: nats, by cells where targets are rounded.

    Where the density of the rows is known, it is what they lose to it.
    """
    each = grid_nll(mixture, split.test.y, split.steps)
    return each if split.truth is None else each + split.truth


def figures_of(mixture: Mixture, split: Split, grid_points: int = 0) -> Figures:
    """Return the figures of one split.

    Args:
        mixture: the predictions, one a test row.
        split: what they are for.
        grid_points: of the grid on which a protocol scores a density; 0 for none.
    """
    y, each = split.test.y, row_scores(mixture, split)
    transforms = pit(mixture, y, split.cells, generator("pit"))
    figures = {
        "score": each.mean().item(),
        "median": each.median().item(),
        "nll": nll(mixture, y).mean().item(),
        "grid_nll": grid_nll(mixture, y, split.steps).mean().item(),
        "crps": crps(mixture, y).mean().item(),
        "coverage": central_coverage(transforms, LEVEL).mean().item(),
        "pit_distance": ks_distance(transforms).mean().item(),
        "rmse": sqrt(squared_error(mixture, y, "mean").mean().item()),
    }
    if grid_points:
        figures["protocol"] = gridded_nll(mixture, split, grid_points)
    return figures


def gridded_nll(mixture: Mixture, split: Split, points: int) -> float:
    """Return the NLL of one target by a density that lives on a grid, where it sums to one."""
    low, high = split.train.y.min().item(), split.train.y.max().item()
    beyond = _BEYOND * (high - low)
    grid = torch.linspace(low - beyond, high + beyond, points, dtype=torch.float64)
    values = grid[:, None, None].expand(-1, len(split.test), 1)
    log_density = mixture.log_prob(values).T
    step = (grid[1] - grid[0]).log()
    log_density = log_density - (log_density.logsumexp(-1, keepdim=True) + step)
    density = _between(log_density.exp(), grid, split.test.y[:, 0])
    return -density.clamp(min=_LEAST_DENSITY).log().mean().item()


def _between(
    density: Float64[Tensor, "M G"], grid: Float64[Tensor, " G"], y: Float64[Tensor, " M"]
) -> Float64[Tensor, " M"]:
    """Interpolate on straight lines; nothing beyond the ends."""
    place = (y - grid[0]) / (grid[1] - grid[0])
    inside = (place >= 0) & (place <= len(grid) - 1)
    left = place.long().clamp(0, len(grid) - 2)
    rest = (place - left).clamp(0, 1)
    below, above = (density.gather(-1, at[:, None])[:, 0] for at in (left, left + 1))
    return torch.where(inside, below + rest * (above - below), torch.zeros_like(y))

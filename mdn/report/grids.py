"""Scores of rounded targets by the cells of their grids, since a density rewards spikes on them.

With several targets each that was rounded has a score, and all have one together, in which the
others count by their density: it is to be read beside the joint likelihood.
"""

from collections.abc import Mapping
from functools import partial

import torch
from jaxtyping import Float
from torch import Tensor

from mdn import metrics
from mdn.data.table import Table
from mdn.distributions.mixture import GaussianMixture
from mdn.metrics.running import RowMean, Score
from mdn.model.model import Model


def grid_steps(model: Model, table: Table) -> dict[str, float]:
    """Find the targets that were rounded, and the steps of their grids.

    Training has seen them; for a model that was trained elsewhere these rows tell.
    """
    seen = model.card.grid
    return table.profile.rounded_targets if seen is None else seen


def grid_scoreboard(model: Model, table: Table) -> dict[str, RowMean]:
    """Make the scores that spikes cannot win; none where no target was rounded."""
    steps, names = grid_steps(model, table), table.target_names
    if not steps:
        return {}
    each = {
        f"grid_nll/{name}": partial(_of_target, target=names.index(name), step=step)
        for name, step in steps.items()
    }
    scores: dict[str, Score] = {"grid_nll": partial(_joint, steps=_in_order(steps, names))}
    scores |= each if len(names) > 1 else {}
    return {name: RowMean(score) for name, score in scores.items()}


def _in_order(steps: Mapping[str, float], names: list[str]) -> Float[Tensor, " D"]:
    return torch.tensor([steps.get(name, 0.0) for name in names], dtype=torch.float64)


def _joint(
    mixture: GaussianMixture, y: Float[Tensor, "N D"], steps: Float[Tensor, " D"]
) -> Float[Tensor, " N"]:
    return metrics.grid_nll(mixture, y, steps.to(y))


def _of_target(
    mixture: GaussianMixture, y: Float[Tensor, "N D"], target: int, step: float
) -> Float[Tensor, " N"]:
    return metrics.grid_nll(mixture.marginal([target]), y[:, [target]], y.new_tensor([step]))

"""Targets that were rounded, of which a density can be gamed: scored by the cells of their grids.

For several targets there is a score of each that was rounded and one of all together, in which the
others count by their density: it is to be read beside the joint likelihood.
"""

from collections.abc import Mapping
from functools import partial

import torch
from jaxtyping import Float
from torch import Tensor

from mdn import metrics
from mdn.data.repeats import rounded_targets
from mdn.data.table import Table
from mdn.distributions.mixture import GaussianMixture
from mdn.metrics.running import RowMean, Score
from mdn.model.model import Model


def grid_steps(model: Model, table: Table) -> dict[str, float]:
    """Which targets were rounded, and the steps of their grids.

    It is what training saw; of a model that was trained elsewhere, what these rows tell.
    """
    seen = model.card.grid
    return rounded_targets(table) if seen is None else seen


def grid_scoreboard(model: Model, table: Table) -> dict[str, RowMean]:
    """The scores that spikes cannot win; none where no target was rounded."""
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

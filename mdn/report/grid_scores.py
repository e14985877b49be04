"""Rounded targets, scored by the probability of their cells; a density would reward narrow spikes.

Several targets have a score for each one that was rounded, and one for all together. The joint
score uses the density of targets that were not rounded: compare it with the joint likelihood.
"""

from collections.abc import Mapping
from functools import partial

import torch
from jaxtyping import Float
from torch import Tensor

from mdn import metrics
from mdn.data.rows import Rows
from mdn.distributions.mixture import GaussianMixture
from mdn.metrics.running import RowMean, Score
from mdn.model.model import Model
from mdn.report.score_names import flat_scores
from mdn.training.datamodule import EVALUATION_BATCH


def grid_steps(model: Model, table: Rows) -> dict[str, float]:
    """Return the grid steps of the targets that were rounded, by name.

    They come from training; if nobody looked there, from these rows.
    """
    steps = model.card.grid
    return table.profile.rounded_targets if steps is None else steps


@torch.no_grad()
def grid_scores(model: Model, table: Rows) -> dict[str, float]:
    """Return the scores of rounded targets by the probability of their cells, if there are any."""
    board = _scoreboard(grid_steps(model, table), table.target_names)
    for part in table.pieces(EVALUATION_BATCH) if board else ():
        mixture = model(part.x.to(model.device)).to("cpu")
        for mean in board.values():
            mean.update(mixture, part.y, part.weight)
    means = {name: mean.compute() for name, mean in board.items()}
    return flat_scores(means, table.target_names)


def _scoreboard(steps: Mapping[str, float], names: list[str]) -> dict[str, RowMean]:
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

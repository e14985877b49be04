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
from mdn.distributions.abstract import Mixture
from mdn.metrics.running import RowMean
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
        for dims, mean in board.values():
            some = mixture.marginal(dims) if len(dims) < mixture.num_targets else mixture
            mean.update(some, part.y[:, dims], part.weight)
    means = {name: mean.compute() for name, (_, mean) in board.items()}
    return flat_scores(_known(means), table.target_names)


def _known(means: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The scores that some row counts for; a joint score counts rows with every target."""
    return {name: mean for name, mean in means.items() if not mean.isnan()}


def _scoreboard(
    steps: Mapping[str, float], names: list[str]
) -> dict[str, tuple[list[int], RowMean]]:
    """The targets of each score, and its mean."""
    if not steps:
        return {}
    every = torch.tensor([steps.get(name, 0.0) for name in names], dtype=torch.float64)
    boards = {"grid_nll": (list(range(len(names))), _mean(every))}
    if len(names) > 1:
        for name in steps:
            target = names.index(name)
            boards[f"grid_nll/{name}"] = [target], _mean(every[[target]])
    return boards


def _mean(steps: Float[Tensor, " D"]) -> RowMean:
    return RowMean(partial(_score, steps=steps))


def _score(
    mixture: Mixture, y: Float[Tensor, "N D"], steps: Float[Tensor, " D"]
) -> Float[Tensor, " N"]:
    return metrics.grid_nll(mixture, y, steps.to(y))

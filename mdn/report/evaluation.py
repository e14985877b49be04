"""All scores of a model on some rows, in one pass over them, a chunk at a time.

Highest-density regions and the energy score cost thousands of densities a row: they are computed
for a random sample of the rows.

Calibration takes rounded values and atoms for the cells that they stand for (`mdn.metrics.cells`).

Where rows lack targets, likelihoods are of the targets that a row has, scores of one target are of
the rows that have it, and the other joint scores are of the rows that have every target.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import torch
from jaxtyping import Float
from torch import Tensor

from mdn import metrics
from mdn.data.rows import Rows
from mdn.data.seeds import generator
from mdn.data.synthetic import Problem
from mdn.data.table import Table
from mdn.distributions.abstract import Mixture
from mdn.metrics.calibration import region_sizes
from mdn.metrics.cells import Cells
from mdn.metrics.running import RowMean
from mdn.model.model import Model
from mdn.report.basic_scores import basic_scores
from mdn.report.score_names import flat_scores, percent
from mdn.training.datamodule import EVALUATION_BATCH
from mdn.training.value_cells import cells_of

SAMPLED_ROWS = 2000
"""The most rows whose highest-density regions are found."""
_SAMPLES = 400
_FAR_OUT = 0.999
"""The share of outcomes that a useful mean is not beyond."""
_DECILES = tuple(i / 10 for i in range(1, 10))


@dataclass(frozen=True, eq=False)
class Scores:
    """The scores of a model on some rows.

    Attributes:
        metrics: flat, by their names in `metrics.json`; with several targets, the score of each
            one ends in its name.
        pit: the probability integral transform of each target, for every row, or for those of a
            sample where the rows are streamed.
        rank: the probability of the smallest region that holds the row, for some rows.
        in_cells: names of the targets some of whose values stand for cells; in them `pit` and
            `rank` are drawn.
    """

    metrics: dict[str, float]
    pit: Float[Tensor, "N D"]
    rank: Float[Tensor, " M"]
    in_cells: Sequence[str] = ()


class _Transforms:
    """The values of every row that calibration needs; a sample of the rows has enough of them."""

    def __init__(self, cells: Cells) -> None:
        self.cells = cells
        self.draws = generator("pit"), generator("rosenblatt")
        self.pit: list[Tensor] = []
        self.rosenblatt: list[Tensor] = []

    def update(self, mixture: Mixture, y: Float[Tensor, "N D"]) -> None:
        self.pit.append(metrics.pit(mixture, y, self.cells, self.draws[0]))
        if mixture.num_targets > 1:  # of one target it is the same
            self.rosenblatt.append(metrics.rosenblatt(mixture, y, self.cells, self.draws[1]))


@torch.no_grad()
def score(
    model: Model,
    table: Rows,
    reference: Mixture | None = None,
    problem: Problem | None = None,
) -> Scores:
    """Return all scores of a model on some rows.

    Means are weighted where the rows are; calibration counts every row once.

    Args:
        model: the model.
        table: the rows.
        reference: a mixture that ignores the inputs, for the gain over it.
        problem: from which the rows were drawn, for the optimum.

    Raises:
        ValueError: where every row lacks the same target.
    """
    names = table.target_names
    _check_there(table.sample)
    means = scoreboard(model, len(names)) | _of_learned_scale(model, len(names))
    if reference is not None:
        means["gain_over_marginal_mixture"] = _gain_over(reference)
    cells = cells_of(model.card, table)
    transforms = _Transforms(cells)
    in_memory = len(table.sample) == len(table)
    for part in table.pieces(EVALUATION_BATCH):
        mixture = model(part.x)
        if in_memory:
            transforms.update(mixture, part.y)
        for mean in means.values():
            mean.update(mixture, part.y, part.weight)
    for part in () if in_memory else table.sample.pieces(EVALUATION_BATCH):
        transforms.update(model(part.x), part.y)
    pit = torch.cat(transforms.pit)
    sampled, rank = _sampled_scores(model, table.sample.whole(), cells)
    values = {name: mean.compute() for name, mean in means.items()}
    values |= _calibration(pit) | _joint_calibration(transforms.rosenblatt) | sampled
    flat = basic_scores(model, table, problem) | flat_scores(values, names)
    return Scores(flat, pit, rank, cells.among(names))


def scoreboard(model: Model, num_targets: int) -> dict[str, RowMean]:
    """Return the scores that are means over rows, before any row has been seen."""
    return {
        "nll_bits": RowMean(_bits, takes_missing=True),
        "gain_over_marginal": _gain_over(model.marginal),
        **_scores_of_each_target((num_targets,)),
    }


def _of_learned_scale(model: Model, num_targets: int) -> dict[str, RowMean]:
    """Tell how often a mean is no longer a typical value, which wide lognormals bring about."""
    if not model.targets.transforms:
        return {}
    return {"mean_far_out": RowMean(_mean_far_out, (num_targets,))}


def _mean_far_out(mixture: Mixture, _: Tensor) -> Float[Tensor, "N D"]:
    return (mixture.mean > mixture.quantile(_FAR_OUT)).to(mixture.dtype)


def _bits(mixture: Mixture, y: Float[Tensor, "N D"]) -> Float[Tensor, " N"]:
    return -mixture.observed_log_prob(y) / math.log(2)


def _gain_over(reference: Mixture) -> RowMean:
    return RowMean(partial(_gain, reference=reference), takes_missing=True)


def _gain(mixture: Mixture, y: Float[Tensor, "N D"], reference: Mixture) -> Float[Tensor, " N"]:
    return mixture.observed_log_prob(y) - reference.observed_log_prob(y)


def _scores_of_each_target(shape: tuple[int]) -> dict[str, RowMean]:
    board = {"crps": RowMean(metrics.crps, shape)}
    if shape[0] > 1:
        board["nll"] = RowMean(metrics.target_nll, shape)
    for point in ("mean", "median"):
        squared = partial(metrics.squared_error, point=point)
        board[f"rmse_{point}"] = RowMean(squared, shape, torch.sqrt)
        board[f"mae_{point}"] = RowMean(partial(metrics.absolute_error, point=point), shape)
    board["pinball"] = RowMean(_mean_pinball, shape)
    board["sharpness"] = RowMean(lambda mixture, _: mixture.std.square(), shape, torch.sqrt)
    for level in metrics.LEVELS:
        board[f"width_{percent(level)}"] = RowMean(partial(_width, level=level), shape)
    return board


def _check_there(table: Table) -> None:
    for name, missing in zip(table.target_names, table.y.isnan().all(0).tolist(), strict=True):
        if missing:
            raise ValueError(
                f"no row to score has a value of target {name!r}; give rows with all targets that "
                "the model predicts"
            )


def _mean_pinball(mixture: Mixture, y: Float[Tensor, "N D"]) -> Float[Tensor, "N D"]:
    return metrics.pinball(mixture, y, _DECILES).mean(0)


def _width(mixture: Mixture, _: Tensor, level: float) -> Float[Tensor, "N D"]:
    return metrics.interval_width(mixture, level)


def _calibration(pit: Float[Tensor, "N D"]) -> dict[str, Tensor]:
    coverage = {
        f"coverage_{percent(level)}": partial(metrics.central_coverage, level=level)
        for level in metrics.LEVELS
    }
    scores = {
        "pit_ks": metrics.ks_distance,
        "pit_ks_critical": _critical,
        "calibration_error": metrics.calibration_error,
    }
    return {name: _of_each(score, pit) for name, score in (scores | coverage).items()}


def _critical(pit: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
    return pit.new_full(pit.shape[1:], metrics.ks_critical(len(pit)))


def _of_each(score: Callable[[Tensor], Tensor], pit: Float[Tensor, "N D"]) -> Float[Tensor, " D"]:
    """A score of each target, by the rows that have it."""
    if not pit.isnan().any():
        return score(pit)
    return torch.stack([score(column[~column.isnan()]) for column in pit.T])


def _joint_calibration(parts: Sequence[Float[Tensor, "_ D"]]) -> dict[str, Tensor]:
    rows = torch.cat([part[~part.isnan().any(-1)] for part in parts]) if parts else ()
    return {"rosenblatt_ks": metrics.ks_distance(rows)} if len(rows) else {}


def _sampled_scores(
    model: Model, table: Table, cells: Cells
) -> tuple[dict[str, Tensor], Float[Tensor, " M"]]:
    if len(table) == 0:
        return {}, table.y.new_empty(0)
    draws = torch.Generator().manual_seed(0)
    some = table[torch.randperm(len(table), generator=draws)[:SAMPLED_ROWS]]
    mixture = model(some.x)
    rank = metrics.density_rank(mixture, some.y, _SAMPLES, draws, cells)
    values = {"region_calibration_error": metrics.calibration_error(rank)}
    sizes = region_sizes(mixture, metrics.LEVELS, _SAMPLES, draws)
    for level, size in zip(metrics.LEVELS, sizes, strict=True):
        values[f"region_coverage_{percent(level)}"] = metrics.region_coverage(rank, level)
        values[f"region_size_{percent(level)}"] = size.mean()
    if mixture.num_targets > 1:
        # A distance over targets in unlike units would mean nothing.
        energy = metrics.energy_score(*model.standardized(some.x, some.y))
        values["energy_score_standardized"] = energy.mean()
    return values, rank

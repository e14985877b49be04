"""The scores of a model on rows, in one pass over them, a piece at a time.

Highest-density regions and the energy score cost thousands of densities a row: they are taken
from some rows, drawn at random.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

import torch
from jaxtyping import Float
from torch import Tensor

from mdn import metrics
from mdn.data.table import Table
from mdn.distributions.mixture import GaussianMixture
from mdn.metrics.calibration import region_sizes
from mdn.metrics.running import RowMean
from mdn.model.model import Model
from mdn.report.grids import grid_scoreboard
from mdn.report.names import PREFIX, percent, score_keys
from mdn.training.datamodule import EVALUATION_BATCH

SAMPLED_ROWS = 2000
"""The most rows whose highest-density regions are found."""
_SAMPLES = 400
_DECILES = tuple(i / 10 for i in range(1, 10))


@dataclass(frozen=True, eq=False)
class Scores:
    """What a model reaches on some rows.

    Attributes:
        metrics: flat, by the names of `metrics.json`; the name of a score of each target ends in
            the target's where there are several.
        pit: the probability integral transform of each target, of every row.
        rank: the probability of the smallest region that holds the row, of some rows.
    """

    metrics: dict[str, float]
    pit: Float[Tensor, "N D"]
    rank: Float[Tensor, " M"]


@torch.no_grad()
def score(model: Model, table: Table, reference: GaussianMixture | None = None) -> Scores:
    """All scores that need no more than the model and the rows.

    Means are weighted where the rows are; calibration counts every row once.

    Args:
        model: the model.
        table: the rows.
        reference: a mixture that knows no inputs, for the gain over it.
    """
    names = table.target_names
    means = scoreboard(model, table) | _gain_over(reference)
    transforms, in_turn = [], []
    for part in _parts(table):
        mixture = model(part.x)
        transforms.append(metrics.pit(mixture, part.y))
        in_turn.append(metrics.rosenblatt(mixture, part.y))
        for mean in means.values():
            mean.update(mixture, part.y, part.weight)
    values = {name: mean.compute() for name, mean in means.items()}
    pit = torch.cat(transforms)
    values |= _calibration(pit) | _joint_calibration(torch.cat(in_turn))
    sampled, rank = _sampled_scores(model, table)
    return Scores(_named(values | sampled, names), pit, rank)


@torch.no_grad()
def grid_scores(model: Model, table: Table) -> dict[str, float]:
    """The scores that spikes cannot win, where targets were rounded; they are among `score`'s."""
    board = grid_scoreboard(model, table)
    for part in _parts(table) if board else ():
        mixture = model(part.x)
        for mean in board.values():
            mean.update(mixture, part.y, part.weight)
    return _named({name: mean.compute() for name, mean in board.items()}, table.target_names)


def scoreboard(model: Model, table: Table) -> dict[str, RowMean]:
    """Scores that are means over rows."""
    return {
        "nll_bits": RowMean(metrics.nll_bits),
        "gain_over_marginal": RowMean(partial(metrics.gain, reference=model.marginal)),
        **grid_scoreboard(model, table),
        **_scores_of_targets((len(table.target_names),)),
    }


def _gain_over(reference: GaussianMixture | None) -> dict[str, RowMean]:
    if reference is None:
        return {}
    return {"gain_over_marginal_mixture": RowMean(partial(metrics.gain, reference=reference))}


def _scores_of_targets(each: tuple[int]) -> dict[str, RowMean]:
    board = {"crps": RowMean(metrics.crps, each)}
    if each[0] > 1:
        board["nll"] = RowMean(metrics.target_nll, each)
    for point in ("mean", "median"):
        squared = partial(metrics.squared_error, point=point)
        board[f"rmse_{point}"] = RowMean(squared, each, torch.sqrt)
        board[f"mae_{point}"] = RowMean(partial(metrics.absolute_error, point=point), each)
    board["pinball"] = RowMean(_mean_pinball, each)
    board["sharpness"] = RowMean(lambda mixture, _: mixture.std.square(), each, torch.sqrt)
    for level in metrics.LEVELS:
        board[f"width_{percent(level)}"] = RowMean(partial(_width, level=level), each)
    return board


def _mean_pinball(mixture: GaussianMixture, y: Float[Tensor, "N D"]) -> Float[Tensor, "N D"]:
    return metrics.pinball(mixture, y, _DECILES).mean(0)


def _width(mixture: GaussianMixture, _: Tensor, level: float) -> Float[Tensor, "N D"]:
    return metrics.interval_width(mixture, level)


def _calibration(pit: Float[Tensor, "N D"]) -> dict[str, Tensor]:
    coverage = {
        f"coverage_{percent(level)}": metrics.central_coverage(pit, level)
        for level in metrics.LEVELS
    }
    distances = {
        "pit_ks": metrics.ks_distance(pit),
        "calibration_error": metrics.calibration_error(pit),
    }
    return distances | coverage


def _joint_calibration(in_turn: Float[Tensor, "N D"]) -> dict[str, Tensor]:
    """Of each target given those before it; of a single one that is the PIT again."""
    return {"rosenblatt_ks": metrics.ks_distance(in_turn)} if in_turn.shape[-1] > 1 else {}


def _sampled_scores(model: Model, table: Table) -> tuple[dict[str, Tensor], Float[Tensor, " M"]]:
    """Scores of highest-density regions and of all targets together, from some rows."""
    generator = torch.Generator().manual_seed(0)
    some = table[torch.randperm(len(table), generator=generator)[:SAMPLED_ROWS]]
    mixture = model(some.x)
    rank = metrics.density_rank(mixture, some.y, _SAMPLES, generator)
    values = {"region_calibration_error": metrics.calibration_error(rank)}
    sizes = region_sizes(mixture, metrics.LEVELS, _SAMPLES, generator)
    for level, size in zip(metrics.LEVELS, sizes, strict=True):
        values[f"region_coverage_{percent(level)}"] = metrics.region_coverage(rank, level)
        values[f"region_size_{percent(level)}"] = size.mean()
    if mixture.num_targets > 1:
        # In units of the data a distance over targets of unlike units would mean nothing.
        energy = metrics.energy_score(*model.standardized(some.x, some.y))
        values["energy_score_standardized"] = energy.mean()
    return values, rank


def _parts(table: Table) -> Iterator[Table]:
    for start in range(0, len(table), EVALUATION_BATCH):
        yield table[start : start + EVALUATION_BATCH]


def _named(values: dict[str, Tensor], targets: list[str]) -> dict[str, float]:
    named = {}
    for name, value in values.items():
        keys = score_keys(name, targets) if value.ndim else [PREFIX + name]
        named |= dict(zip(keys, value.flatten().tolist(), strict=True))
    return named

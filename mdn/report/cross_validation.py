"""Scores of training rows that whoever is scored has not learned from.

They are scores of single networks: each row is predicted by one that holds it out. The model pools
all networks, of which the others have learned the row, and usually scores a little better on rows
that are new to all. The smoothing and the guard of a row are those that the rows of all other folds
ask for. Where spreads are learned again on rows held out, a network predicts each half of its own
with what it has learned from the other half. Only two choices were made with the row among others:
the number of epochs, and whether spreads are learned again.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial

import torch
from jaxtyping import Float
from torch import Tensor

from mdn import metrics
from mdn.data.seeds import generator
from mdn.data.splits.folds import FOLD
from mdn.data.table import Table
from mdn.distributions.abstract import Mixture
from mdn.metrics.running import RowMean
from mdn.model.model import Model
from mdn.report.grid_scores import grid_steps
from mdn.report.score_names import flat_scores, percent
from mdn.training.adjust import answering_with, best_adjustments
from mdn.training.candidates import Candidates
from mdn.training.datamodule import EVALUATION_BATCH, TableModule
from mdn.training.spread import HalfSpreads, predicted_by, with_halves
from mdn.training.value_cells import cells_of

PREFIX = "cv/"

_MOST_ROWS = 20_000
"""Rows that are scored: so many tell a mean as well as needed."""

_LEVEL = 0.9


@torch.no_grad()
def cross_validated_scores(
    model: Model,
    data: TableModule,
    candidates: Candidates,
    halves: HalfSpreads | None = None,
) -> dict[str, float]:
    """Return the NLL, the CRPS and the coverage of training rows by networks that hold them out.

    Rounded targets have the NLL of their cells as well. Means are weighted where the rows are; the
    coverage counts every row once.

    Args:
        model: a trained one.
        data: the rows that it was trained on, from which 20,000 are drawn where there are more.
        candidates: what the smoothing and the guard were chosen from.
        halves: what predicts the rows where the spreads of the model were learned from them.

    Returns:
        Scores by their names in `metrics.json`; none where all networks hold out the same rows.
    """
    if not data.cross_fitted:
        return {}
    rows = _drawn(with_halves(data.val_table))
    board, pit = _scoreboard(grid_steps(model, rows), rows.target_names), []
    cells, draws = cells_of(model.card, rows), generator("cross validation")
    for part, mixture in _predictions(model, rows, candidates, halves):
        pit.append(metrics.pit(mixture, part.y, cells, draws))
        for mean in board.values():
            mean.update(mixture, part.y, part.weight)
    values = {name: mean.compute() for name, mean in board.items()}
    values[f"coverage_{percent(_LEVEL)}"] = _coverage(torch.cat(pit))
    known = {name: value for name, value in values.items() if not value.isnan().any()}
    return flat_scores(known, rows.target_names, PREFIX)


def _predictions(
    model: Model, rows: Table, candidates: Candidates, halves: HalfSpreads | None
) -> Iterator[tuple[Table, Mixture]]:
    """Yield rows of a fold, smoothed and guarded as the rows of all other folds ask for."""
    for fold, chosen in best_adjustments(model, rows, candidates, halves).without.items():
        of_fold = rows[(rows.marks[FOLD] == fold).nonzero().squeeze(-1)]
        with answering_with(model, chosen):
            for part in of_fold.pieces(EVALUATION_BATCH) if len(of_fold) else ():
                predictions = predicted_by(model, part, halves)
                yield part, predictions.mixture.to("cpu")


def _drawn(table: Table) -> Table:
    if len(table) <= _MOST_ROWS:
        return table
    return table[torch.randperm(len(table), generator=generator("cross validation"))[:_MOST_ROWS]]


def _scoreboard(steps: Mapping[str, float], names: Sequence[str]) -> dict[str, RowMean]:
    board = {
        "nll": RowMean(_nll, takes_missing=True),
        "crps": RowMean(metrics.crps, (len(names),)),
    }
    if steps:
        step = torch.tensor([steps.get(name, 0.0) for name in names], dtype=torch.float64)
        board["grid_nll"] = RowMean(partial(metrics.grid_nll, step=step))
    return board


def _nll(mixture: Mixture, y: Float[Tensor, "N D"]) -> Float[Tensor, " N"]:
    return -mixture.observed_log_prob(y)


def _coverage(pit: Float[Tensor, "N D"]) -> Float[Tensor, " D"]:
    """The share of rows inside, of those that have the target."""
    there = (column[~column.isnan()] for column in pit.T)
    return torch.stack([metrics.central_coverage(each, level=_LEVEL) for each in there])

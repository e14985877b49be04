"""The smoothing and the guard that rows ask for which were not learned from."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial

import torch
from jaxtyping import Float, Float64
from torch import Tensor

from mdn.data.seeds import generator
from mdn.data.splits.folds import FOLDS
from mdn.data.table import Table
from mdn.distributions.mixture import GaussianMixture
from mdn.fitting.pool_needs import less_smoothing
from mdn.metrics import grid_nll
from mdn.model.model import Model
from mdn.training.base_recipe import BaseRecipe, usual_guard
from mdn.training.candidates import Candidate, Candidates, LogProb, observed_log_prob
from mdn.training.datamodule import TableModule
from mdn.training.held_out import HeldOutPredictions, predicted

_MOST_ROWS = 20_000
"""Rows that tell a smoothing and a guard well enough."""


@dataclass(frozen=True)
class Adjustments:
    """What whoever predicts held-out rows wants: a pool, or single networks.

    Attributes:
        best: under which all of the rows score best.
        without: by fold, under which the rows of all other folds do.
    """

    best: Candidate
    without: Mapping[int, Candidate] = field(default_factory=dict)


def candidates_of(recipe: BaseRecipe, data: TableModule) -> Candidates:
    """Return the smoothings and guards that a recipe leaves open; its own numbers otherwise."""
    if recipe.guard == "auto":
        raise ValueError("the guard is 'auto', which the rows decide before training")
    return Candidates.of(recipe.smoothing, recipe.guard, usual_guard(data.profile))


def adjust(model: Model, recipe: BaseRecipe, data: TableModule) -> None:
    """Smooth and guard a trained model as rows ask for that it has not learned from.

    Single networks ask for more smoothing than their pool, which gets a part of it.

    Args:
        model: a trained one, which answers so from now on.
        recipe: with numbers, or with what is open.
        data: the rows that it was trained on.
    """
    candidates = candidates_of(recipe, data)
    best = best_adjustments(model, data.val_table, candidates).best
    single = data.cross_fitted and recipe.smoothing == "held_out"
    model.keep_smoothing(best.smoothing * (less_smoothing(model.num_members) if single else 1))
    model.keep_guard(best.guard)


@contextmanager
def answering_with(model: Model, candidate: Candidate) -> Iterator[None]:
    """Have a model answer with another smoothing and guard for a while."""
    card = model.card
    model.card = replace(card, smoothing=candidate.smoothing, guard=candidate.guard)
    try:
        yield
    finally:
        model.card = card


def best_adjustments(model: Model, table: Table, candidates: Candidates) -> Adjustments:
    """Return the candidates under which rows score best.

    Rounded targets are scored by their cells; the density would reward narrow spikes.

    Args:
        model: a trained one.
        table: rows of `TableModule.val_table`, from which 20,000 are drawn where there are more.
        candidates: to choose from.
    """
    if len(candidates.all) == 1:
        return Adjustments(candidates.all[0], dict.fromkeys(range(FOLDS), candidates.all[0]))
    step = _steps(model, table)
    if step is not None:
        table = table.whole()
    some = table[torch.randperm(len(table), generator=generator("adjustments"))[:_MOST_ROWS]]
    log_prob = observed_log_prob if step is None else partial(_grid_log_prob, step=step)
    scores = _scores(predicted(model, some), candidates.finer, log_prob)
    every, total = candidates.finer.all, scores.sum(-1)
    return Adjustments(
        every[int(total.argmin())],
        {fold: every[int((total - each).argmin())] for fold, each in enumerate(scores.T)},
    )


def _scores(
    predictions: HeldOutPredictions, candidates: Candidates, log_prob: LogProb
) -> Float64[Tensor, "C folds"]:
    """The sum of the nll over the rows of each fold."""
    model, mixture = predictions.model, predictions.standardized
    with torch.no_grad():
        if model.recalibration != 1:
            mixture = mixture.dispersed(model.recalibration)
        nll = candidates.nll(model, mixture, predictions.y, log_prob).double()
    weight = predictions.table.weight
    counted = nll if weight is None else (nll * weight).where(weight > 0, 0.0)
    folds = int(predictions.fold.max()) + 1 if len(predictions.fold) else 1
    sums = counted.new_zeros(len(nll), folds).index_add_(-1, predictions.fold, counted)
    return sums.nan_to_num(torch.inf)


def _steps(model: Model, table: Table) -> Float64[Tensor, " D"] | None:
    """The steps of rounded targets, standardized; None where there are none."""
    seen = model.card.grid
    steps = table.profile.rounded_targets if seen is None else seen
    if not steps or model.targets.transforms or not len(table.whole()):
        return None
    step = torch.tensor([steps.get(name, 0.0) for name in table.target_names], dtype=torch.float64)
    return step / model.targets.factor.cpu()


def _grid_log_prob(
    mixture: GaussianMixture, y: Float[Tensor, "N D"], step: Float64[Tensor, " D"]
) -> Float[Tensor, " N"]:
    return -grid_nll(mixture, y, step)

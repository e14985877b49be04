"""What rows ask for that were not learned from: smoothing, guard, and another spread."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float64
from torch import Tensor

from mdn.data.seeds import generator
from mdn.data.splits.folds import FOLDS
from mdn.data.table import Table
from mdn.fitting.pool_needs import less_smoothing
from mdn.model.model import Model
from mdn.training.base_recipe import BaseRecipe, usual_guard
from mdn.training.candidates import Candidate, Candidates, LogProb
from mdn.training.datamodule import TableModule
from mdn.training.held_out import HeldOutPredictions
from mdn.training.held_out_scores import scored_by
from mdn.training.spread import HalfSpreads, predicted_by, refitted, with_halves

_MOST_ROWS = 20_000
"""Rows that tell a smoothing and a guard well enough."""

_LEAST_GAIN = 0.05
"""Nats a row that another spread must be worth to single networks; a pool gains less.

With 18 data sets and problems, a pool of 8 members lost nothing wherever it was more, and lost as
often as it gained where it was less.
"""


@dataclass(frozen=True, eq=False)
class Adjustments:
    """What rows held out ask for, of those who predict them: a pool, or single networks.

    Attributes:
        candidates: that were scored.
        nll: of each candidate, the part of the rows of each fold in the mean of all.
    """

    candidates: Candidates
    nll: Float64[Tensor, "C folds"]

    @property
    def best(self) -> Candidate:
        """The one under which all of the rows score best."""
        return self._best(self.nll.sum(-1))

    @property
    def best_nll(self) -> float:
        """The mean nll of all rows under the best."""
        return self.nll.sum(-1).min().item()

    @property
    def without(self) -> Mapping[int, Candidate]:
        """By fold, the one under which the rows of all other folds score best."""
        folds = torch.arange(self.nll.shape[-1])  # infinite scores cannot be subtracted
        return {fold: self._best(self.nll[:, folds != fold].sum(-1)) for fold in folds.tolist()}

    @property
    def least_smoothed_nll(self) -> float:
        """The mean nll of all rows under the least smoothing and the guard that suits it best."""
        return self.nll.sum(-1)[: len(self.candidates.guards)].min().item()

    def _best(self, nll: Float64[Tensor, " C"]) -> Candidate:
        return self.candidates.all[int(nll.argmin())]


def candidates_of(recipe: BaseRecipe, data: TableModule) -> Candidates:
    """Return the smoothings and guards that a recipe leaves open; its own numbers otherwise."""
    if recipe.guard == "auto":
        raise ValueError("guard is 'auto', which rows decide; call recipe.resolve(profile) first")
    return Candidates.of(recipe.smoothing, recipe.guard, usual_guard(data.profile))


def adjust(model: Model, recipe: BaseRecipe, data: TableModule) -> HalfSpreads | None:
    """Have a trained model answer as rows ask for that it has not learned from.

    Its spread is learned again where that helps, or where the recipe says so; then it is smoothed
    and guarded. Single networks ask for more smoothing than their pool, which gets a part of it.
    A spread that is learned again takes its place.

    Args:
        model: a trained one, which answers so from now on.
        recipe: with numbers, or with what is open.
        data: the rows that it was trained on.

    Returns:
        What predicts rows held out where the spread is learned again; None where it is not.
    """
    candidates = candidates_of(recipe, data)
    has_spread = data.cross_fitted and model.network.head.sizes[1] > 0
    refits = recipe.refits_spread if has_spread else False
    if len(candidates.all) == 1 and not refits:
        _keep(model, candidates.all[0])
        return None
    single = data.cross_fitted and recipe.smoothing == "held_out"
    less = less_smoothing(model.num_members) if single else 1.0
    found = best_adjustments(model, data.val_table, candidates)
    if refits is True or (refits and _hopeful(found)):
        table = with_halves(data.val_table)
        halves = HalfSpreads.of(model, table)
        again = best_adjustments(model, table, candidates, halves)
        if refits is True or _gain(found, again) > _LEAST_GAIN:
            refitted(model, table).put_into(model.network.head)
            model.card = replace(model.card, spread_refitted=True)
            _keep(model, again.best, 0.0 if single else 1.0)
            return halves
    _keep(model, found.best, less)
    return None


def _keep(model: Model, chosen: Candidate, part: float = 1.0) -> None:
    model.keep_smoothing(chosen.smoothing * part)
    model.keep_guard(chosen.guard)


def _hopeful(found: Adjustments) -> bool:
    """Whether a wider spread helps at all, as smoothing would, where that is tried."""
    tried = len(found.candidates.smoothings) > 1
    return not tried or found.least_smoothed_nll - found.best_nll > _LEAST_GAIN


def _gain(found: Adjustments, again: Adjustments) -> float:
    """Nats a row with as little smoothing as there is to choose from.

    Single networks take so much smoothing for the errors of their means that they hardly tell one
    spread from another; those errors cancel in a pool.
    """
    return found.least_smoothed_nll - again.least_smoothed_nll


@contextmanager
def answering_with(model: Model, candidate: Candidate) -> Iterator[None]:
    """Have a model answer with another smoothing and guard for a while."""
    card = model.card
    model.card = replace(card, smoothing=candidate.smoothing, guard=candidate.guard)
    try:
        yield
    finally:
        model.card = card


def best_adjustments(
    model: Model, table: Table, candidates: Candidates, halves: HalfSpreads | None = None
) -> Adjustments:
    """Return the scores of rows under each candidate, and so the best.

    Args:
        model: a trained one.
        table: rows of `TableModule.val_table`, from which 20,000 are drawn where there are more.
        candidates: to choose from.
        halves: what predicts the rows, which then have halves, where it is not the model.
    """
    table, log_prob = scored_by(model, table)
    some = table[torch.randperm(len(table), generator=generator("adjustments"))[:_MOST_ROWS]]
    predictions = predicted_by(model, some, halves)
    return Adjustments(candidates.finer, _scores(predictions, candidates.finer, log_prob))


def _scores(
    predictions: HeldOutPredictions, candidates: Candidates, log_prob: LogProb
) -> Float64[Tensor, "C folds"]:
    """The part of each fold in the mean nll."""
    model, mixture = predictions.model, predictions.standardized
    with torch.no_grad():
        if model.recalibration != 1:
            mixture = mixture.dispersed(model.recalibration)
        nll = candidates.nll(model, mixture, predictions.y, log_prob).double().cpu()
    weight = predictions.table.weight
    weight = nll.new_ones(nll.shape[-1]) if weight is None else weight
    counted = (nll * weight).where(weight > 0, 0.0) / weight.sum()
    sums = counted.new_zeros(len(nll), FOLDS).index_add_(-1, predictions.fold, counted)
    return sums.nan_to_num(torch.inf)

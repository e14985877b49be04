"""Rare, narrow regimes are added after training, where rows that were held out agree."""

from dataclasses import replace
from functools import singledispatch

import torch
from jaxtyping import Float
from torch import Tensor

from mdn.data.seeds import generator
from mdn.data.splits.folds import FOLD
from mdn.data.table import Table
from mdn.fitting.planting import has_room, plant
from mdn.fitting.rare_component import find_rare_component
from mdn.model.evaluation_mode import evaluation_mode
from mdn.model.model import Model
from mdn.networks.weights import unit_weights
from mdn.training.base_recipe import BaseRecipe
from mdn.training.held_out import predicted
from mdn.training.recipe import Recipe

_MOST_ROWS = 5000
"""Rows that the search is handed and that heads are fitted to."""


@singledispatch
def add_rare_components(recipe: BaseRecipe, model: Model, train: Table, held_out: Table) -> None:
    """Add the rare, narrow components to each member that a trained model lacks.

    Few rows held out hold next to none of a rare regime, and chance decides. So the evidence of all
    rows counts: one is taken back, and ends the search, if the rows held out lose more than it is
    worth on those it was found on.
    Rounded targets are left alone: narrow components would be their steps.

    Args:
        recipe: how many at most; EM adds none.
        model: a trained one.
        train: rows that it has learned from.
        held_out: rows that it has not learned from.
    """


@add_rare_components.register
def _to_members(recipe: Recipe, model: Model, train: Table, held_out: Table) -> None:
    if not recipe.rare_components or not has_room(model) or not len(held_out):
        return
    if train.profile.rounded_targets:
        return
    rows = torch.randperm(len(train), generator=generator("rare components", recipe.seed))
    some = train[rows[:_MOST_ROWS].sort().values]
    added = 0
    with evaluation_mode(model):
        while added < recipe.rare_components and _add(model, some, held_out, recipe.seed):
            added += 1
    model.card = replace(model.card, rare_components=added)


def _add(model: Model, train: Table, held_out: Table, seed: int) -> bool:
    """Add one component where there is one, and tell whether it stays."""
    before = {name: each.clone() for name, each in model.network.head.state_dict().items()}
    x, y = train.x.to(model.device), train.y.to(model.device)
    inputs, targets = model.inputs(x, model.dtype), model.targets(y, model.dtype)
    log_prob = _log_prob(model, train)
    found = find_rare_component(inputs, targets, log_prob, train.weight, model.family.floor, seed)
    if found is None:
        return False
    component, worth = found
    score = _log_likelihood(model, held_out)
    plant(model, component, x, y)
    if _log_likelihood(model, held_out) - score > -worth:
        return True
    model.network.head.load_state_dict(before)
    return False


def _log_prob(model: Model, table: Table) -> Float[Tensor, " N"]:
    """By members that have not learned the rows, where each row has one; by the pool otherwise."""
    if FOLD in table.marks and int(table.marks[FOLD].max()) < model.num_members:
        predictions = predicted(model, table)
        return predictions.standardized.observed_log_prob(predictions.y)
    mixture, y = model.standardized(table.x.to(model.device), table.y.to(model.device))
    return mixture.observed_log_prob(y)


def _log_likelihood(model: Model, table: Table) -> float:
    """Return the sum over rows, whose weights are one on average."""
    log_prob = _log_prob(model, table).double().cpu()
    if table.weight is None:
        return log_prob.sum().item()
    weight = unit_weights(table.weight).double().cpu()
    return (log_prob @ (weight / weight.mean())).item()

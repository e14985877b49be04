"""Smoothing and guard by rows that were not learned from."""

from dataclasses import replace

import pytest
import torch

from mdn.data.splits.folds import FOLD
from mdn.data.table import Table
from mdn.fitting.pool_needs import less_smoothing, longer_training
from mdn.training.adjust import Adjustments, adjust, answering_with, best_adjustments
from mdn.training.candidates import Candidate, Candidates
from mdn.training.fit import fit, held_in_memory, resolve
from mdn.training.modules import module_of
from mdn.training.recipe import Recipe, as_recipe

SETTINGS = {"max_epochs": 1, "backbone.width": 8, "backbone.depth": 1, "num_components": 2}


def rows_of(noise: float, rows: int = 160, decimals: int | None = None) -> Table:
    x = torch.linspace(-1, 1, rows, dtype=torch.float64)[:, None]
    y = torch.randn(rows, 1, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    y = 10 + noise * y
    return Table(x, y if decimals is None else y.round(decimals=decimals), None, ["x"], ["y"])


def narrow(table: Table, std: float, **settings):
    """A model that predicts everywhere the mean of the targets, with a spread."""
    recipe = as_recipe(SETTINGS | settings)
    data = held_in_memory(recipe, table)
    recipe = resolve(recipe, data)
    module = module_of(recipe, data.kinds, data.num_targets)
    module.start(data.train_table)
    head = module.network.head
    scale = head.family.nearest(torch.full((2, 1, 1), std**2).double(), torch.ones(2).double())
    with torch.no_grad():
        head.components.weight.zero_()
        head.weights.weight.zero_()
        head.components.bias.zero_()
        head.components.bias[:, 2:] = head.family.raw(scale).flatten().float()
    return module.model, recipe, data


def test_what_is_too_narrow_by_a_known_part_gets_that_part():
    model, _, data = narrow(rows_of(5.0), std=(1 - 0.3**2) ** 0.5, guard=0.0)
    found = best_adjustments(model, data.val_table, Candidates.of("held_out", 0.0, 0.0)).best
    assert found.smoothing == pytest.approx(0.3, abs=0.1)


def test_a_pool_gets_a_part_of_what_its_members_want():
    model, recipe, data = narrow(rows_of(5.0), std=0.5, refit_spread=False)
    candidates = Candidates.of("held_out", "held_out", 0.0)
    wanted = best_adjustments(model, data.val_table, candidates).best
    adjust(model, recipe, data)
    assert model.smoothing == pytest.approx(wanted.smoothing * less_smoothing(8))
    assert model.card.guard == wanted.guard
    assert model.smoothing > 0


def test_rows_held_out_by_all_decide_for_the_pool_itself():
    model, recipe, data = narrow(rows_of(5.0), std=0.5, cross_fit=False)
    candidates = Candidates.of("held_out", "held_out", 0.0)
    wanted = best_adjustments(model, data.val_table, candidates).best
    adjust(model, recipe, data)
    assert model.smoothing == wanted.smoothing


def test_a_number_is_kept_as_it_is():
    model, recipe, data = narrow(rows_of(5.0), std=0.5, smoothing=0.07, guard=0.002)
    adjust(model, recipe, data)
    assert (model.smoothing, model.card.guard) == (0.07, 0.002)


def test_a_row_far_out_asks_for_a_guard():
    table = rows_of(1.0)
    y = table.y.clone()
    y[7] = 60.0
    model, recipe, data = narrow(replace(table, y=y), std=0.05)
    adjust(model, recipe, data)
    assert model.card.guard > 0


def test_a_fold_has_no_say_in_what_it_is_scored_by():
    table = rows_of(1.0)
    model, _, data = narrow(table, std=1.0)
    y = data.val_table.y.clone()
    y[data.val_table.marks[FOLD] == 3] += 40.0
    odd = replace(data.val_table, y=y)
    found = best_adjustments(model, odd, Candidates.of("held_out", "held_out", 0.0))
    usual = best_adjustments(model, data.val_table, Candidates.of("held_out", "held_out", 0.0))
    assert found.without[3] == usual.without[3]
    assert found.best != usual.best


def test_rounded_targets_are_scored_by_their_cells():
    # A density of less than a cell's width wins by likelihood, and nothing by cells.
    model, recipe, data = narrow(rows_of(0.5, decimals=0), std=0.002, refit_spread=False)
    model.card = replace(model.card, grid={"y": 1.0})
    adjust(model, recipe, data)
    assert model.smoothing > 0


def test_a_model_answers_otherwise_for_a_while():
    model, _, _ = narrow(rows_of(1.0), std=0.5)
    with answering_with(model, Candidate(0.2, 0.01)):
        assert (model.smoothing, model.card.guard) == (0.2, 0.01)
    assert (model.smoothing, model.card.guard) == (0.0, 0.0)


def test_one_network_is_its_own_pool():
    assert longer_training(1) == 1
    assert less_smoothing(1) == 1
    assert 1 < longer_training(2) < longer_training(8) == pytest.approx(1.35)
    assert less_smoothing(8) == pytest.approx(0.5)


def test_a_mixture_without_inputs_is_left_as_it_is():
    settings = {"backbone": "none", "num_components": 2, "max_epochs": 2, "ensemble_size": 1}
    model = fit(Recipe.from_settings(settings), rows_of(1.0))
    assert (model.smoothing, model.card.guard) == (0.0, 0.0)


def test_a_fold_of_infinite_scores_does_not_decide_for_the_others():
    nll = torch.zeros(2, 8, dtype=torch.float64)
    nll[0, 3], nll[1] = torch.inf, 1.0
    found = Adjustments(Candidates((0.0, 0.2)), nll)
    assert found.without[3] == Candidate(0.0, 0.0)
    assert found.without[0] == Candidate(0.2, 0.0)


def test_a_fold_of_infinite_scores_alone_is_left_out():
    nll = torch.zeros(2, 8, dtype=torch.float64)
    nll[1, 3], nll[0, 0] = torch.inf, 2.0
    found = Adjustments(Candidates((0.0, 0.2)), nll)
    assert found.without[3] == Candidate(0.2, 0.0)

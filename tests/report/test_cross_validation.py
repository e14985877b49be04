"""Scores of training rows by networks that hold them out."""

import pytest
import torch

from mdn import metrics
from mdn.data.splits.folds import FOLD
from mdn.data.table import Table
from mdn.report.cross_validation import cross_validated_scores
from mdn.training.candidates import Candidates
from mdn.training.fit import resolve
from mdn.training.memory import held_in_memory
from mdn.training.modules import module_of
from mdn.training.recipe import as_recipe

ROWS = 60
SETTINGS = {"backbone.width": 8, "backbone.depth": 1, "num_components": 3}


def scored(table: Table, **settings):
    recipe = as_recipe(SETTINGS | settings)
    data = held_in_memory(recipe, table)
    module = module_of(resolve(recipe, data), data.kinds, data.num_targets)
    module.start(data.train_table)
    scores = cross_validated_scores(module.model.eval(), data, Candidates())
    return scores, module.model, data.val_table


def table_of(*columns: torch.Tensor, weight: torch.Tensor | None = None) -> Table:
    names = [f"y{i}" for i in range(len(columns))]
    x = torch.linspace(-1, 1, ROWS, dtype=torch.float64)[:, None]
    return Table(x, torch.stack(columns, 1), weight, ["x"], names)


def test_each_row_is_scored_by_a_network_that_holds_it_out():
    weight = torch.rand(ROWS, dtype=torch.float64)
    y = torch.randn(2, ROWS, dtype=torch.float64)
    scores, model, rows = scored(table_of(*y, weight=weight))
    with torch.no_grad():
        mixture = model.members(rows.x)[rows.marks[FOLD], torch.arange(ROWS)]
    share = rows.weight / rows.weight.sum()
    assert scores["cv/nll"] == pytest.approx(-(share @ mixture.log_prob(rows.y)).item(), abs=1e-4)
    crps = share @ metrics.crps(mixture, rows.y)
    assert [scores["cv/crps/y0"], scores["cv/crps/y1"]] == pytest.approx(crps.tolist(), abs=1e-4)
    low, high = mixture.interval(0.9)
    inside = ((rows.y >= low) & (rows.y <= high)).double().mean(0).tolist()
    assert [scores["cv/coverage_90/y0"], scores["cv/coverage_90/y1"]] == pytest.approx(inside)
    assert "cv/grid_nll" not in scores


def test_rounded_targets_are_scored_by_their_cells():
    scores, *_ = scored(table_of(torch.randn(ROWS, dtype=torch.float64).mul(2).round()))
    assert scores["cv/grid_nll"] > 0


def test_rows_that_lack_targets_count_by_what_they_have():
    one, other = torch.randn(2, ROWS, dtype=torch.float64)
    other[::2] = torch.nan
    scores, *_ = scored(table_of(one, other))
    assert all(value == value for value in scores.values())


def test_there_are_none_where_all_networks_hold_out_the_same_rows():
    scores, *_ = scored(table_of(torch.randn(ROWS, dtype=torch.float64)), cross_fit=False)
    assert scores == {}

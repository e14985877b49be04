"""Smoothings and guards that rows are scored under."""

import pytest
import torch
from small_runs import make_module, make_table

from mdn.training.candidates import Candidate, Candidates


@pytest.fixture(scope="module")
def started():
    torch.manual_seed(0)
    table, module = make_table(), make_module()
    module.start(table)
    return module.model.eval(), table


def test_each_score_is_what_the_model_would_have(started):
    model, table = started
    mixture, y = model.standardized(table.x, table.y)
    candidates = Candidates((0.0, 0.2), (0.0, 0.05))
    found = candidates.nll(model, mixture, y)
    card = model.card
    for each, score in zip(candidates.all, found, strict=True):
        model.keep_smoothing(each.smoothing)
        model.keep_guard(each.guard)
        wanted = -model.standardized(table.x, table.y)[0].log_prob(y)
        torch.testing.assert_close(score, wanted, rtol=1e-5, atol=1e-5)
    model.card = card


def test_a_row_that_lacks_a_target_is_scored_by_the_other(started):
    model, table = started
    y = table.y.clone()
    y[3, 0] = torch.nan
    mixture, y = model.standardized(table.x, y)
    found = Candidates((0.1,), (0.01,)).nll(model, mixture, y)
    assert found.isfinite().all()


def test_a_number_is_the_only_one_tried():
    assert Candidates.of(0.2, 0.01, 0.0).all == [Candidate(0.2, 0.01)]
    assert Candidates.of(0.2, 0.01, 0.0).finer.all == [Candidate(0.2, 0.01)]


def test_what_is_open_begins_with_nothing_done():
    found = Candidates.of("held_out", "held_out", 0.0)
    assert found.all[0] == Candidate(0.0, 0.0)
    assert len(found.finer.smoothings) > len(found.smoothings)
    assert set(found.smoothings) <= set(found.finer.smoothings)


def test_a_table_with_gaps_keeps_its_least_guard():
    assert min(Candidates.of(0.0, "held_out", 0.004).guards) == 0.004

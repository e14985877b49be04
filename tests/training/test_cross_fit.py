"""Members that each hold out a part of their own."""

import warnings

import pandas as pd
import pytest
import torch
from small_runs import quiet_trainer

from mdn.data.batches import Share
from mdn.data.fingerprint import changed
from mdn.data.members import fold_of_members, learned_batches
from mdn.data.splits.folds import FOLD
from mdn.data.synthetic import Heteroscedastic
from mdn.data.table import Table
from mdn.training.candidates import Candidates
from mdn.training.fit import fit, fit_data, resolve
from mdn.training.held_out import held_out
from mdn.training.memory import held_in_memory
from mdn.training.modules import module_of
from mdn.training.recipe import Recipe, as_recipe
from mdn.training.synthetic_data import SyntheticData

ROWS = 90
SMALL = {"max_epochs": 2, "backbone.width": 8, "backbone.depth": 1, "num_components": 3}


def table_of(rows: int = ROWS, weighted: bool = False, gaps: bool = False) -> Table:
    x = torch.linspace(-1, 1, rows, dtype=torch.float64)[:, None]
    y = torch.cat([100 + 20 * x + torch.randn(rows, 1).double(), torch.randn(rows, 1).double()], 1)
    if gaps:
        y[::7, 1] = torch.nan
    weight = 1 / torch.arange(1.0, rows + 1).double() if weighted else None
    return Table(x, y, weight, ["x"], ["a", "b"])


def prepared(table: Table, **settings):
    recipe = as_recipe(SMALL | settings)
    data = held_in_memory(recipe, table)
    recipe = resolve(recipe, data)
    torch.manual_seed(0)
    module = module_of(recipe, data.kinds, data.num_targets)
    return data, module


def started(table: Table, **settings):
    data, module = prepared(table, **settings)
    module.start(data.train_table)
    return data, module


def changed_in(table: Table, fold: int) -> Table:
    y = torch.where(table.marks[FOLD][:, None] == fold, table.y.flip(0), table.y)
    return Table(table.x, y, None, ["x"], ["a", "b"], marks=table.marks)


def test_a_recipe_decides_it_by_the_rows():
    for rows, settings, wanted in [
        (90, {}, True),
        (39, {}, False),
        (90, {"ensemble_size": 1}, False),
        (90, {"cross_fit": False}, False),
        (90, {"val_fraction": 0.2}, False),
        (90, {"ensemble_size": 2, "cross_fit": True}, True),
    ]:
        recipe = as_recipe(SMALL | settings)
        data = held_in_memory(recipe, table_of(rows))
        assert data.cross_fitted is wanted
        assert resolve(recipe, data).cross_fit is wanted
        assert len(data.train_table) < rows or wanted


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"ensemble_size": 1}, "and there is one network; leave `cross_fit` out"),
        ({"val_fraction": 0.1}, "`val_fraction` is the part that all hold out"),
    ],
)
def test_a_recipe_refuses_what_cannot_be(settings, message):
    with pytest.raises(ValueError, match=message):
        Recipe(cross_fit=True, **settings)
    with pytest.raises(ValueError, match=message):
        fit(SMALL | settings | {"cross_fit": True}, table_of())


def test_files_tell_what_cannot_be(tmp_path):
    rows = pd.DataFrame({"x": range(90), "y": [i % 7 + i / 90 for i in range(90)], "t": range(90)})
    rows.to_csv(tmp_path / "a.csv", index=False)
    with pytest.raises(ValueError, match="rows are split by `time_by`"):
        fit(SMALL | {"cross_fit": True}, tmp_path / "a.csv", "y", "x", time_by="t")
    model = fit(SMALL, tmp_path / "a.csv", "y", "x", time_by="t")
    assert model.card.model["cross_fit"] is False
    model = fit(SMALL, tmp_path / "a.csv", "y", "x")
    assert model.card.model["cross_fit"] is True


def test_rows_that_are_drawn_to_validate_on_are_for_all():
    for val_rows, wanted in (("auto", True), (50, False)):
        data = SyntheticData(Heteroscedastic(), 60, val_rows, 20)
        data.cross_fit = Recipe().cross_fitting
        assert data.cross_fitted is wanted
    data.cross_fit = Recipe(cross_fit=True).cross_fitting
    data = SyntheticData(Heteroscedastic(), 60, 50, 20)
    data.cross_fit = Recipe(cross_fit=True).cross_fitting
    with pytest.raises(ValueError, match="`val_rows` are drawn for all"):
        _ = data.tables


@pytest.mark.parametrize("settings", [{}, {"family": "tied"}, {"objective": "crps"}])
def test_a_member_learns_nothing_from_the_rows_that_it_holds_out(settings):
    data, module = started(table_of(), **settings)
    table, gradients = data.train_table.sample, []
    for rows in (table, changed_in(table, 2)):
        (batch,) = learned_batches(rows, 8, ROWS, 0, Share())
        module.zero_grad()
        torch.manual_seed(0)
        loss, _ = module.row_losses(batch)
        weight = batch[2].T.to(loss)
        ((loss * weight).sum(-1) / weight.sum(-1)).sum().backward()
        expected = [p.grad.clone() for p in module.network.parameters() if p.grad is not None]
        module.zero_grad()
        torch.manual_seed(0)
        module._loss(batch).backward()
        found = [p.grad.clone() for p in module.network.parameters() if p.grad is not None]
        torch.testing.assert_close(found, expected)
        gradients.append(found)
        module._sums.clear()
    one, other = gradients
    assert all(a[2].equal(b[2]) for a, b in zip(one, other, strict=True))
    assert not any(a[m].equal(b[m]) for a, b in zip(one, other, strict=True) for m in (1, 3))


def test_a_member_starts_from_the_rows_that_it_does_not_hold_out():
    data, module = prepared(table_of())
    table, starts = data.train_table.sample, []
    for rows in (table, changed_in(table, 2)):
        torch.manual_seed(0)
        module.model.fit_units(table)
        module._start_network(module.model.targets(rows.y, torch.float64), rows)
        starts.append(module.network.head.components.bias.detach().clone())
    assert starts[0][2].equal(starts[1][2])
    assert not starts[0][3].equal(starts[1][3])


def by_the_member_that_holds_it_out(model, table: Table) -> torch.Tensor:
    with torch.no_grad():
        log_prob = model.members(table.x).observed_log_prob(table.y)
    return -log_prob[table.marks[FOLD], torch.arange(len(table))]


@pytest.mark.parametrize(
    ("members", "changes"), [(8, {}), (3, {}), (8, {"weighted": True}), (8, {"gaps": True})]
)
def test_a_validation_scores_each_row_by_the_member_that_holds_it_out(members, changes):
    data, module = started(table_of(**changes), ensemble_size=members)
    trainer = quiet_trainer()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        (found,) = trainer.validate(module, data, verbose=False)
    table = data.val_table
    assert len(table) == (ROWS if members == 8 else (data.train_table.marks[FOLD] < 3).sum())
    nll = by_the_member_that_holds_it_out(module.model.eval(), table)
    weight = torch.ones_like(nll) if table.weight is None else table.weight
    assert found["val/nll"] == pytest.approx((weight @ nll / weight.sum()).item(), abs=1e-4)
    predictions = held_out(module.model, data)
    torch.testing.assert_close(
        -predictions.mixture.observed_log_prob(table.y), nll, atol=1e-4, rtol=1e-4
    )
    assert predictions.fold.equal(table.marks[FOLD])
    assert predictions.by_single_networks


def test_members_that_share_a_fold_are_all_validated():
    data, module = started(table_of(), ensemble_size=10)
    trainer = quiet_trainer()
    trainer.validate(module, data, verbose=False)
    assert fold_of_members(10)[8:].tolist() == [0, 1]
    assert len(held_out(module.model, data).table) == ROWS
    table = data.val_table
    with torch.no_grad():
        log_prob = module.model.eval().members(table.x).log_prob(table.y)
    of_last = -log_prob[9, table.marks[FOLD] == 1].mean() + module.model.targets.log_det()
    assert module.val_nll_of_members[9].item() == pytest.approx(of_last.item(), abs=1e-4)


def test_the_score_is_that_of_the_best_candidate():
    data, module = started(table_of())
    trainer = quiet_trainer()
    module.candidates = Candidates((0.0, 0.5), (0.0, 0.2))
    (found,) = trainer.validate(module, data, verbose=False)
    predictions = held_out(module.model, data)
    each = module.candidates.nll(module.model, predictions.standardized, predictions.y)
    best = each.mean(-1).min().item()
    assert found["val/nll_standardized"] == pytest.approx(best, rel=1e-5)
    assert best < each[0].mean().item()


def test_a_common_part_is_one_fold_of_the_pool():
    data, module = started(table_of(), cross_fit=False)
    predictions = held_out(module.model, data)
    assert not predictions.by_single_networks
    assert predictions.fold.unique().tolist() == [0]
    table = data.val_table
    with torch.no_grad():
        expected = module.model.eval()(table.x).log_prob(table.y)
    torch.testing.assert_close(predictions.mixture.log_prob(table.y), expected)
    trainer = quiet_trainer()
    (found,) = trainer.validate(module, data, verbose=False)
    assert found["val/nll"] == pytest.approx(-expected.mean().item(), abs=1e-4)


def test_all_rows_are_learned_from():
    data, _ = prepared(table_of())
    assert len(data.train_table) == ROWS
    assert set(data.parts) == {"train", "test"}
    assert set(data.fingerprint()) == {"train", "test"}
    common, _ = prepared(table_of(), cross_fit=False)
    assert "train" in changed(common.fingerprint(), data.fingerprint())


def test_noise_on_rounded_targets_is_for_learning_only():
    table = table_of()
    rounded = Table(table.x, table.y.round(), None, ["x"], ["a", "b"])
    data, _ = prepared(rounded, dequantize=True)
    assert data.val_table.y.equal(data.val_table.y.round())
    assert not data.train_table.y.equal(data.val_table.y)
    assert data.train_table.marks[FOLD].equal(data.val_table.marks[FOLD])


@pytest.mark.parametrize("settings", [{}, {"ensemble_size": 3}, {"family": "constant"}])
def test_fits_end_with_a_model(settings):
    chosen = {"recalibration": {"kind": "held_out"}, "smoothing": 0.0, "guard": 0.0}
    recipe = as_recipe(SMALL | settings | chosen)
    data = held_in_memory(recipe, table_of())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        model = fit_data(recipe, data, False, {})
    assert model.recalibration != 1
    predictions = held_out(model, data)
    here = predictions.mixture.log_prob(data.val_table.y).mean()
    for factor in (0.8, 1.25):
        model.recalibrate(model.recalibration * factor)
        assert held_out(model, data).mixture.log_prob(data.val_table.y).mean() < here
        model.recalibrate(model.recalibration / factor)

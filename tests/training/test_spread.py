"""Spreads that are learned again on rows that each network holds out."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from mdn.data.splits.folds import FOLD
from mdn.data.splits.marks import GROUP
from mdn.data.splits.settings import SplitBy
from mdn.data.table import Table
from mdn.distributions.families import FAMILIES
from mdn.fitting.spread_refit import Spread
from mdn.model.checkpoint import CARD, JOINT, WEIGHTS, read_checkpoint
from mdn.report.cross_validation import cross_validated_scores
from mdn.training.adjust import adjust, candidates_of
from mdn.training.callbacks.best_and_last import LastCheckpoint, best_path
from mdn.training.fit import card_of, fit, fit_callbacks, held_in_memory, quiet_trainer, resolve
from mdn.training.fit import train as train_module
from mdn.training.modules import module_of
from mdn.training.recipe import Recipe, as_recipe
from mdn.training.spread import HALF, HalfSpreads, refitted, with_halves

SETTINGS = {"max_epochs": 2, "backbone.width": 8, "backbone.depth": 1, "num_components": 2}


def rows_of(targets: int = 1, rows: int = 240, **changes) -> Table:
    x = torch.linspace(-1, 1, rows, dtype=torch.float64)[:, None]
    draws = torch.Generator().manual_seed(0)
    y = 10 + torch.randn(rows, targets, generator=draws, dtype=torch.float64)
    return replace(Table(x, y, None, ["x"], [f"y{i}" for i in range(targets)]), **changes)


def started(table: Table, **settings):
    """A model as it begins, near the Gaussian of its targets."""
    recipe = as_recipe(SETTINGS | settings)
    data = held_in_memory(recipe, table)
    recipe = resolve(recipe, data)
    torch.manual_seed(0)
    module = module_of(recipe, data.kinds, data.num_targets)
    module.start(data.train_table)
    return module.model.eval(), recipe, data


def too_sure(model, by: float = 2.0):
    """The same with raw numbers that stand for narrower spreads."""
    head = model.network.head
    own = Spread.of(head)
    replace(own, bias=own.bias - by).put_into(head)
    return model


def numbers_of(model) -> dict[str, torch.Tensor]:
    return {name: value.clone() for name, value in model.network.state_dict().items()}


def test_networks_that_are_too_sure_are_mended():
    model, recipe, data = started(rows_of())
    too_sure(model)
    before = numbers_of(model)
    assert adjust(model, recipe, data) is not None
    assert model.card.spread_refitted
    assert model.smoothing == 0
    std = model(data.val_table.x).std.mean() / data.val_table.y.std()
    assert std.item() == pytest.approx(1, abs=0.1)
    moved = {name for name, value in numbers_of(model).items() if not value.equal(before[name])}
    assert moved == {"head.components.weight", "head.components.bias"}


def test_honest_networks_are_left_as_they_are():
    model, recipe, data = started(rows_of())
    before = numbers_of(model)
    assert adjust(model, recipe, data) is None
    assert not model.card.spread_refitted
    assert all(value.equal(before[name]) for name, value in numbers_of(model).items())


@pytest.mark.parametrize("wanted", [True, False])
def test_a_recipe_may_decide_it(wanted):
    model, recipe, data = started(rows_of(), refit_spread=wanted)
    too_sure(model, 0.0 if wanted else 2.0)
    assert (adjust(model, recipe, data) is not None) is wanted
    assert model.card.spread_refitted is wanted


@pytest.mark.parametrize("targets", [1, 2])
@pytest.mark.parametrize("family", [name for name in FAMILIES if name != "constant"])
def test_every_family_is_mended(family, targets):
    model, recipe, data = started(rows_of(targets), family=family, smoothing=0.0, guard=0.0)
    too_sure(model)
    before = -model(data.val_table.x).log_prob(data.val_table.y).mean()
    assert adjust(model, recipe, data) is not None
    assert -model(data.val_table.x).log_prob(data.val_table.y).mean() < before - 0.05


def test_a_spread_that_nothing_is_learned_of_stays():
    model, recipe, data = started(rows_of(), family="constant")
    assert adjust(model, recipe, data) is None
    assert not model.card.spread_refitted


def gaps() -> torch.Tensor:
    y = rows_of(2).y.clone()
    y[::5, 1] = torch.nan
    return y


@pytest.mark.parametrize(
    "changes",
    [
        {"y": gaps()},
        {"weight": torch.linspace(0, 1, 240, dtype=torch.float64)},
        {"y": rows_of(2).y.round(decimals=1)},
    ],
    ids=["gaps", "weights", "rounded"],
)
def test_rows_of_every_kind_tell_a_spread(changes):
    table = rows_of(2, **changes)
    model, recipe, data = started(table, refit_spread=True)
    model.card = card_of(recipe, data)
    too_sure(model)
    before = Spread.of(model.network.head)
    halves = adjust(model, recipe, data)
    after = Spread.of(model.network.head)
    assert (after.bias != before.bias).any(1).all()
    assert after.weight.isfinite().all()
    scores = cross_validated_scores(model, data, candidates_of(recipe, data), halves)
    assert all(value == value for value in scores.values())


def test_rows_that_weigh_nothing_tell_nothing():
    weight = torch.ones(240, dtype=torch.float64)
    weight[::3] = 0
    table = rows_of(weight=weight)
    model, _, data = started(table)
    held = data.val_table
    far = replace(held, y=torch.where(held.weight[:, None] > 0, held.y, 500.0))
    torch.testing.assert_close(refitted(model, held).weight, refitted(model, far).weight)


def test_halves_part_each_fold_and_keep_groups_whole():
    _, _, data = started(rows_of())
    table = with_halves(data.val_table)
    sizes = [(table.marks[HALF][table.marks[FOLD] == fold] == 0).sum() for fold in range(8)]
    assert all(abs(2 * size - 30) <= 1 for size in sizes)
    group = torch.arange(240) // 3
    marks = {**data.val_table.marks, GROUP: group}
    split = SplitBy.of(None, "group", None, None)
    table = with_halves(replace(data.val_table, marks=marks, split_by=split))
    assert all(len(table.marks[HALF][group == each].unique()) == 1 for each in range(80))
    assert len(table.marks[HALF].unique()) == 2


def test_no_row_is_predicted_by_what_was_learned_from_it():
    model, _, data = started(rows_of())
    table = with_halves(data.val_table)
    usual = HalfSpreads.of(model, table).predicted(model, table).standardized.std
    first = table.marks[HALF] == 0
    odd = replace(table, y=torch.where(first[:, None], 5 * table.y, table.y))
    found = HalfSpreads.of(model, odd).predicted(model, odd).standardized.std
    assert found[first].equal(usual[first])
    assert not torch.isclose(found[~first], usual[~first]).all()


def test_cross_validated_scores_are_those_of_the_halves():
    model, recipe, data = started(rows_of(rows=60), refit_spread=True, smoothing=0.0, guard=0.0)
    too_sure(model)
    halves = adjust(model, recipe, data)
    candidates = candidates_of(recipe, data)
    found = cross_validated_scores(model, data, candidates, halves)["cv/nll"]
    table = with_halves(data.val_table)
    mixture = halves.predicted(model, table).mixture
    assert found == pytest.approx(-mixture.log_prob(table.y).mean().item(), rel=1e-5)
    assert found > cross_validated_scores(model, data, candidates)["cv/nll"]


def test_the_model_stays_as_it_is_while_halves_predict():
    model, _, data = started(rows_of())
    before, table = numbers_of(model), with_halves(data.val_table)
    HalfSpreads.of(model, table).predicted(model, table)
    assert all(value.equal(before[name]) for name, value in numbers_of(model).items())


def test_the_best_checkpoint_has_what_the_model_has(tmp_path: Path):
    recipe = as_recipe(SETTINGS | {"refit_spread": True})
    data = held_in_memory(recipe, rows_of())
    recipe = resolve(recipe, data)
    trainer = quiet_trainer(recipe, fit_callbacks(recipe, tmp_path), {}, tmp_path)
    module = train_module(recipe, data, trainer, card_of(recipe, data))
    assert module.half_spreads is not None
    saved = read_checkpoint(best_path(trainer))
    assert saved[CARD]["spread_refitted"] is True
    for name, value in module.state_dict().items():
        assert saved[WEIGHTS][name].equal(value.cpu()), name


def test_a_fit_says_so():
    model = fit(SETTINGS | {"refit_spread": True}, rows_of())
    assert "learned again on the rows that each network held out" in repr(model)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"ensemble_size": 1}, "here all networks hold out the same"),
        ({"cross_fit": False}, "here all networks hold out the same"),
        ({"val_fraction": 0.1}, "here all networks hold out the same"),
        ({"backbone": "none"}, "this mixture looks at no input"),
        ({"family": "constant"}, "this family has one spread for all rows"),
    ],
)
def test_what_cannot_be_is_refused(settings, message):
    with pytest.raises(ValueError, match=f"`refit_spread=True` .*{message}"):
        Recipe.from_settings({"refit_spread": True} | settings)


def test_too_few_rows_are_refused():
    with pytest.raises(ValueError, match="here all networks hold out the same"):
        fit(SETTINGS | {"refit_spread": True}, rows_of(rows=15))


@pytest.mark.parametrize("settings", [{"cross_fit": False}, {"backbone": "none"}])
def test_where_it_cannot_be_nothing_is_learned_again(settings):
    few = {"max_epochs": 2, "num_components": 2}
    assert not fit(few | settings, rows_of(rows=40)).card.spread_refitted


def test_a_run_that_is_gone_on_with_learns_spreads_from_the_trained_ones(tmp_path):
    table = rows_of()
    weights = []
    for number, path in enumerate([None, "a/last.ckpt", "a/last.ckpt"]):
        folder = tmp_path / "abc"[number]
        recipe = as_recipe(SETTINGS | {"refit_spread": number < 2})
        data = held_in_memory(recipe, table)
        recipe = resolve(recipe, data)
        torch.manual_seed(0)
        callbacks = [*fit_callbacks(recipe, folder), LastCheckpoint(str(folder), every_seconds=0)]
        trainer = quiet_trainer(recipe, callbacks, {}, tmp_path)
        ckpt = None if path is None else str(tmp_path / path)
        train_module(recipe, data, trainer, card_of(recipe, data), ckpt)
        best = read_checkpoint(folder / "best.ckpt")
        weights.append((best[WEIGHTS], best.get(JOINT)))
    (first, trained), (again, still), (left, none) = weights
    name = "model.network.head.components.bias"
    assert torch.equal(again[name], first[name])
    assert torch.equal(still[name], trained[name])
    assert torch.equal(left[name], trained[name])
    assert none is None

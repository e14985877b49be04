"""Fits of targets on another scale: likelihoods in units, by gradient descent and by EM."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy import stats
from small_runs import BACKBONE

import mdn
from mdn.data.table import Table
from mdn.estimators.regressor import MDNRegressor
from mdn.metrics import grid_nll
from mdn.report.basic_scores import basic_scores, likelihood
from mdn.report.evaluation import score
from mdn.report.marginal_mixture import marginal_mixture
from mdn.training.choose import RECALIBRATION
from mdn.training.fit import card_of, quiet_trainer, resolve, train
from mdn.training.held_out import held_out
from mdn.training.memory import held_in_memory
from mdn.training.recipe import EMRecipe, Recipe

F64 = torch.float64
SMALL = dict(num_components=2, ensemble_size=2, backbone=BACKBONE, max_epochs=3)
AS_TRAINED = dict(smoothing=0.0, guard=0.0, refit_spread=False)


def prices(count=120, weight=None, targets=1):
    x = torch.randn(count, 1, dtype=F64)
    y = (1 + x + 0.5 * torch.randn(count, targets, dtype=F64)).exp()
    return Table(x, y, weight, ["x"], [f"y{i}" for i in range(targets)])


def fitted(recipe, table):
    """A model, what its fit logged last, and its rows."""
    data = held_in_memory(recipe, table)
    recipe = resolve(recipe, data)
    torch.manual_seed(0)
    trainer = quiet_trainer(recipe, [], {"accelerator": "cpu"}, Path("."))
    module = train(recipe, data, trainer, card_of(recipe, data))
    return module.model.eval(), trainer.logged_metrics, data


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("kind", ["gradient", "em"])
def test_logged_likelihoods_are_in_the_units_of_the_user(kind, weighted):
    table = prices(weight=torch.rand(120, dtype=F64) + 0.1 if weighted else None)
    recipe = Recipe(**SMALL, **AS_TRAINED, cross_fit=False, target_transform="log")
    if kind == "em":
        recipe = EMRecipe(num_components=2, max_epochs=4, target_transform="log")
    model, logged, data = fitted(recipe, table)
    val = data.val_table
    weight = torch.ones(len(val), dtype=F64) if val.weight is None else val.weight
    nll = -(weight @ model(val.x).log_prob(val.y)) / weight.sum()
    assert logged["val/nll"].item() == pytest.approx(nll.item(), rel=1e-5)
    scores = likelihood(model, val)
    assert scores["test/nll"] == pytest.approx(nll.item(), rel=1e-5)
    assert logged["val/nll_standardized"].item() == pytest.approx(
        scores["test/nll_standardized"], rel=1e-5
    )


@pytest.mark.parametrize("targets", [1, 2])
def test_likelihoods_of_single_networks_are_in_the_units_of_the_user(targets):
    table = prices(targets=targets)
    if targets > 1:
        table.y[::3, 0] = torch.nan
    model, logged, data = fitted(Recipe(**SMALL, **AS_TRAINED, target_transform="log"), table)
    nll = -held_out(model, data).mixture.observed_log_prob(data.val_table.y).mean()
    assert data.cross_fitted
    assert logged["val/nll"].item() == pytest.approx(nll.item(), rel=1e-5)


def test_the_training_likelihood_of_em_is_the_one_of_a_lognormal():
    table = prices()
    recipe = EMRecipe(num_components=1, max_epochs=5, target_transform="log")
    model, logged, data = fitted(recipe, table)
    y = data.train_table.y[:, 0].numpy()
    mu, sigma = np.log(y).mean(), np.log(y).std()
    expected = stats.lognorm.logpdf(y, sigma, 0, np.exp(mu))
    found = model.predict(data.train_table.x).log_prob(data.train_table.y)
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    assert logged["train/nll"].item() == pytest.approx(-expected.mean(), rel=1e-5)


@pytest.mark.parametrize("kind", ["gradient", "em"])
def test_rows_that_lack_targets_count_by_those_that_they_have(kind):
    table = prices(200, targets=2)
    table.y[::3, 0] = torch.nan
    table.y[1::3, 1] = torch.nan
    transform = {"y0": "log"}
    recipe = Recipe(**SMALL, cross_fit=False, target_transform=transform)
    if kind == "em":
        recipe = EMRecipe(num_components=2, max_epochs=4, target_transform=transform)
    model, logged, data = fitted(recipe, table)
    val = data.val_table
    mixture = model(val.x)
    by_hand = torch.stack(
        [
            mixture[i].marginal([d for d in (0, 1) if not y[d].isnan()]).log_prob(y[~y.isnan()])
            for i, y in enumerate(val.y)
        ]
    )
    torch.testing.assert_close(mixture.observed_log_prob(val.y), by_hand, rtol=1e-5, atol=1e-5)
    assert logged["val/nll"].item() == pytest.approx(-by_hand.mean().item(), rel=1e-5)
    assert likelihood(model, val)["test/nll"] == pytest.approx(-by_hand.mean().item(), rel=1e-5)
    spread = model.marginal.std / torch.tensor([c[~c.isnan()].std() for c in table.y.T])
    torch.testing.assert_close(spread, torch.ones(2, dtype=F64), rtol=0.3, atol=0)
    assert all(np.isfinite(list(score(model, val).metrics.values())))


def test_without_a_transform_nothing_is_counted():
    model, _, data = fitted(Recipe(**SMALL), prices())
    assert model.card.transforms == {}
    assert not [name for name in model.state_dict() if name.startswith("user_")]
    assert len(data.val_table)


def test_a_model_of_positive_values_has_nothing_below_zero():
    frame = {"x": np.random.default_rng(0).normal(size=80)}
    frame["price"] = np.exp(frame["x"])
    import polars as pl

    settings = {"target_transform": {"price": "log"}, "max_epochs": 2, "ensemble_size": 1}
    model = mdn.fit(settings, pl.DataFrame(frame), targets=["price"])
    mixture = model.predict(pl.DataFrame(frame))
    assert (mixture.cdf(torch.zeros(80, dtype=F64)) == 0).all()
    assert (mixture.sample([20]) > 0).all()
    assert (mixture.mean > 0).all()


def test_all_scores_are_there_and_finite():
    model, _, data = fitted(Recipe(**SMALL, target_transform={"y1": "log"}), prices(targets=2))
    reference = marginal_mixture(model, data.train_table)
    found = score(model, data.val_table, reference)
    assert all(np.isfinite(list(found.metrics.values())))
    marginal = -model.marginal.log_prob(data.val_table.y).mean()
    assert found.metrics["test/marginal_nll"] == pytest.approx(marginal.item())
    expected = (
        model(data.val_table.x).log_prob(data.val_table.y) - reference.log_prob(data.val_table.y)
    ).mean()
    gain = found.metrics["test/gain_over_marginal_mixture"]
    assert gain == pytest.approx(expected.item(), rel=1e-6)


def test_rounded_targets_are_scored_by_their_cells():
    table = prices(200)
    table = replace(table, y=table.y.round().clamp(min=1))
    model, _, data = fitted(Recipe(**SMALL, target_transform="log"), table)
    assert model.card.grid == {"y0": 1.0}
    val = data.val_table
    expected = grid_nll(model(val.x), val.y, [1.0]).mean().item()
    assert basic_scores(model, val)["test/grid_nll"] == pytest.approx(expected)


def test_a_recalibration_is_chosen():
    recipe = Recipe(**SMALL, target_transform="log", recalibration=RECALIBRATION)
    model, _, _ = fitted(recipe, prices())
    assert model.recalibration != 1


def test_values_outside_of_a_scale_are_refused_before_training():
    table = prices()
    table.y[3] = 0.0
    recipe = Recipe(**SMALL, target_transform="log")
    with pytest.raises(
        ValueError, match=r"rows: target 'y0' is 0 in row \d+ of \d+, and is le.*-1"
    ):
        resolve(recipe, held_in_memory(recipe, table))


def test_a_floor_by_the_grid_is_refused():
    with pytest.raises(ValueError, match=r"`min_scale=grid` .*`target_transform`"):
        Recipe.from_settings({"target_transform": "log", "family.min_scale": "grid"})


def test_settings_make_the_same_recipe_again():
    given = {"target_transform": {"a b": {"kind": "log", "low": -1}, "c": "logit"}}
    recipe = Recipe.from_settings(given)
    assert recipe.target_transform == given["target_transform"]
    assert Recipe.from_settings(recipe.describe()).describe() == recipe.describe()
    named = Recipe.from_settings({"target_transform.price": "log"})
    assert named.target_transform == {"price": "log"}


@pytest.mark.parametrize("wrong", ["lgo", 3, ["log"], {"price": "exp"}, {"price": None}])
def test_a_setting_of_another_kind_is_refused(wrong):
    with pytest.raises(ValueError, match="target_transform"):
        Recipe.from_settings({"target_transform": wrong})


def test_the_regressor_answers_on_the_users_scale():
    table = prices(100)
    settings = {"target_transform": "log", "backbone.depth": 1}
    regressor = MDNRegressor(max_epochs=2, ensemble_size=2, settings=settings, random_state=0)
    x, y = table.x.numpy(), table.y[:, 0].numpy()
    regressor.fit(x, y)
    assert (regressor.predict_quantiles(x, [0.001, 0.5]) > 0).all()
    assert (regressor.sample(x, 3) > 0).all()
    aleatoric, epistemic = regressor.predict_uncertainty(x)
    np.testing.assert_allclose(
        aleatoric**2 + epistemic**2, regressor.predict_density(x).std[:, 0] ** 2, rtol=1e-6
    )
    assert np.isfinite(regressor.score(x, y))

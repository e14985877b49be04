"""The estimator keeps scikit-learn's contracts, and its answers are those of the density."""

import pickle

import numpy as np
import pandas as pd
import pytest
import torch
from scipy.stats import norm
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import estimator_checks_generator

from mdn.estimators.regressor import MDNRegressor

QUICK = {"num_components": 2, "ensemble_size": 1, "max_epochs": 3, "random_state": 0}
SPLITS = "some rows are held back to validate on, and repeated rows fall on both sides"
EXPECTED = {
    "check_sample_weight_equivalence_on_dense_data": SPLITS,
    "check_regressors_no_decision_function": "a target that is also an input is refused",
    "check_do_not_raise_errors_in_init_or_set_params": "types are checked when tests run",
}


@pytest.fixture(scope="module")
def branches():
    """Rows with a target of two branches, +100 x and -100 x, each with noise of 5."""
    generator = np.random.default_rng(0)
    x = generator.uniform(1, 3, size=(1500, 1))
    y = 100 * x[:, 0] * generator.choice([-1, 1], 1500) + generator.normal(0, 5, 1500)
    return x, y


@pytest.fixture(scope="module")
def fitted(branches):
    return MDNRegressor(2, max_epochs=40, random_state=0).fit(*branches)


def test_answers_are_those_of_the_density(fitted, branches):
    x, y = branches[0][:5], branches[1][:5]
    mixture = fitted.predict_density(x)
    pi, mu, sigma = mixture.pi.numpy(), mixture.mu[..., 0].numpy(), mixture.sigma[..., 0].numpy()
    np.testing.assert_allclose(fitted.predict(x), (pi * mu).sum(-1))
    quantiles = fitted.predict_quantiles(x, [0.1, 0.5])
    cdf = (pi[:, None] * norm.cdf(quantiles[..., None], mu[:, None], sigma[:, None])).sum(-1)
    np.testing.assert_allclose(cdf, np.broadcast_to([0.1, 0.5], (5, 2)), atol=1e-6)
    np.testing.assert_allclose(fitted.predict_interval(x, 0.8)[:, 0], quantiles[:, 0], rtol=1e-6)
    wanted = np.log((pi * norm.pdf(y[:, None], mu, sigma)).sum(-1))
    assert fitted.score(x, y) == pytest.approx(wanted.mean(), rel=1e-5)
    assert fitted.score(x, y, [1, 0, 0, 0, 0]) == pytest.approx(wanted[0], rel=1e-5)
    samples = fitted.sample(x, 500)
    assert samples.shape == (5, 500)
    np.testing.assert_allclose(samples.mean(-1), fitted.predict(x), atol=4 * 300 / 500**0.5)


def test_both_branches_are_learnt(fitted, branches):
    exact = np.log(0.5 * norm.pdf(np.abs(branches[1]), 100 * branches[0][:, 0], 5)).mean()
    assert fitted.score(*branches) > exact - 0.15


def test_several_targets_have_a_last_axis():
    generator = np.random.default_rng(0)
    x = generator.normal(size=(60, 2))
    y = np.stack([x[:, 0] + generator.normal(size=60), 50 * generator.normal(size=60)], -1)
    model = MDNRegressor(**QUICK).fit(x, y)
    assert model.predict(x).shape == (60, 2)
    assert model.predict_quantiles(x).shape == (60, 3, 2)
    assert model.predict_interval(x).shape == (60, 2, 2)
    assert model.sample(x, 4).shape == (60, 4, 2)
    assert model.predict(x)[:, 1].std() < 50


@pytest.mark.filterwarnings("ignore:input 'x0' is 0 in every training row")
def test_weights_count(branches):
    x = np.zeros((400, 1))
    y = np.r_[np.random.default_rng(0).normal(0, 1, 200), np.full(200, 10.0)]
    weight = np.r_[np.full(200, 1.0), np.zeros(200)]
    model = MDNRegressor(1, max_epochs=20, random_state=0).fit(x, y, weight)
    np.testing.assert_allclose(model.predict(x[:1]), 0, atol=0.5)


def test_frames_and_names(branches):
    frame = pd.DataFrame({"a": branches[0][:60, 0], "b": 1.0 * np.arange(60)})
    model = MDNRegressor(**QUICK).fit(frame, branches[1][:60])
    assert model.module_.card.inputs == ["a", "b"]
    with pytest.raises(ValueError, match=r"feature names .*\s.*\s- b"):
        model.predict(frame[["a"]])
    np.testing.assert_array_equal(model.predict(frame[["b", "a"]]), model.predict(frame))
    polars = pytest.importorskip("polars")
    np.testing.assert_array_equal(model.predict(polars.from_pandas(frame)), model.predict(frame))


def test_it_composes_and_leaves_nothing_behind(branches, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    x, y = branches[0][:80], branches[1][:80]
    state = torch.random.get_rng_state()
    pipeline = make_pipeline(StandardScaler(), MDNRegressor(**QUICK))
    assert np.isfinite(cross_val_score(pipeline, x, y, cv=2)).all()
    search = GridSearchCV(MDNRegressor(**QUICK), {"family": ["diagonal", "isotropic"]}, cv=2)
    assert search.fit(x, y).best_params_["family"] in ("diagonal", "isotropic")
    assert torch.equal(torch.random.get_rng_state(), state)
    assert not list(tmp_path.iterdir())
    again = pickle.loads(pickle.dumps(search.best_estimator_))
    np.testing.assert_array_equal(again.predict(x), search.predict(x))
    repeated = clone(search.best_estimator_).fit(x, y)
    np.testing.assert_array_equal(repeated.predict(x), again.predict(x))


def test_any_setting_of_a_recipe(branches):
    model = MDNRegressor(**QUICK, settings={"backbone.width": 7}).fit(*branches)
    assert model.module_.network.backbone[0].layers[0].weight.shape[1] == 7


@pytest.mark.filterwarnings("ignore:the model is worse than one Gaussian")
@pytest.mark.parametrize("frame", [True, False])
def test_targets_of_a_frame_keep_their_names(branches, frame):
    x, y = branches
    rows = pd.DataFrame({"rent": y, "price": -y}) if frame else pd.Series(y, name="rent")
    mixture = MDNRegressor(**QUICK).fit(x, rows).predict_density(x[:2])
    assert mixture.target_names == (("rent", "price") if frame else ("rent",))
    marginal = mixture.marginal("rent")
    np.testing.assert_array_equal(marginal.mean[:, 0], mixture.mean[:, 0])


@pytest.fixture(scope="module")
def two_targets():
    """Rows with targets y and z of different sizes, and a regressor fitted to them by name."""
    generator = np.random.default_rng(0)
    x = generator.normal(size=(60, 2))
    y = pd.DataFrame({"y": x[:, 0] + generator.normal(size=60), "z": generator.normal(100, 3, 60)})
    return x, y, MDNRegressor(**QUICK).fit(x, y)


def test_a_score_picks_targets_by_their_names(two_targets):
    x, y, model = two_targets
    score = model.score(x, y)
    assert score == model.score(x, y[["z", "y"]]) == model.score(x, y.assign(more=1.0))
    assert score == model.score(x, y.to_numpy()) == model.score(x, pd.DataFrame(y.to_numpy()))
    polars = pytest.importorskip("polars")
    assert score == model.score(x, polars.from_pandas(y[["z", "y"]]))


def test_a_score_refuses_targets_of_other_names(two_targets):
    x, y, model = two_targets
    for other in (y.rename(columns={"z": "w"}), y[["y"]], y.y):
        with pytest.raises(ValueError, match=r"fitted to targets \['y', 'z'\], and y lacks \['z'"):
            model.score(x, other)
    one = MDNRegressor(**QUICK).fit(x, y.y)
    assert one.score(x, y) == one.score(x, y.y) == one.score(x, y.y.rename(None))
    with pytest.raises(ValueError, match=r"y lacks \['y'\]; it has \['z'\]"):
        one.score(x, y.z)


def test_weights_of_every_kind_count_alike(two_targets, recwarn):
    x, y, _ = two_targets
    weight = np.random.default_rng(0).uniform(size=60)
    kinds = [np.asarray, list, pd.Series, torch.tensor]
    fits = [MDNRegressor(**QUICK).fit(x, y, kind(weight)) for kind in kinds]
    scores = {fit.score(x, y, kind(weight)) for fit, kind in zip(fits, kinds, strict=True)}
    assert len(scores) == 1
    assert not [each for each in recwarn if "writable" in str(each.message)]
    with pytest.raises(ValueError, match="Negative values"):
        fits[0].score(x, y, -weight)


@pytest.mark.parametrize(
    ("arguments", "settings", "wanted"),
    [
        ({}, {"num_components": 5}, "num_components is given twice, 2 by an argument and 5 in se"),
        ({}, {"seed": 5}, "seed is given twice, 0 by an argument and 5 in settings"),
        ({"learning_rate": 0.1}, {"optimizer.lr": 0.2}, "optimizer.lr is given twice, 0.1 by"),
        ({"learning_rate": 0.1}, {"optimizer": {"lr": 0.2}}, "optimizer.lr is given twice, 0.2"),
    ],
)
def test_what_is_given_twice_is_refused(branches, arguments, settings, wanted):
    with pytest.raises(ValueError, match=wanted):
        MDNRegressor(**QUICK, **arguments, settings=settings).fit(*branches)


def test_a_search_over_numbers_of_numpy(branches):
    x, y = branches[0][:60], branches[1][:60]
    grid = {"num_components": np.arange(1, 3), "learning_rate": np.logspace(-3, -2, 2)}
    search = GridSearchCV(MDNRegressor(**(QUICK | {"max_epochs": np.int32(1)})), grid, cv=2)
    best = search.fit(x, y).best_estimator_
    recipe = best.module_.card.model
    assert type(recipe["num_components"]) is type(recipe["max_epochs"]) is int
    assert type(recipe["optimizer"]["lr"]) is float


def test_an_ensemble_tells_noise_from_doubt(branches):
    model = MDNRegressor(**(QUICK | {"ensemble_size": 3})).fit(*branches)
    x = np.array([[1.0], [2.0], [30.0]])
    members, mixture = model.module_.predict_members(x), model.predict_density(x)
    assert (members.batch_shape, mixture.num_components) == ((3, 3), 6)
    aleatoric, epistemic = model.predict_uncertainty(x)
    means = members.mean[..., 0].numpy()
    np.testing.assert_allclose(epistemic, means.std(0), rtol=1e-5)
    np.testing.assert_allclose(aleatoric**2 + epistemic**2, mixture.std[:, 0] ** 2, rtol=1e-5)
    np.testing.assert_allclose(model.predict(x), means.mean(0), rtol=1e-5)
    assert epistemic[2] > epistemic[1]  # far from any row they know no more
    one = MDNRegressor(**QUICK).fit(*branches).predict_uncertainty(x)
    assert (one[1] == 0).all()


@pytest.mark.parametrize(
    ("setting", "wanted"),
    [
        ({"family": "fulll"}, "family is 'fulll', which this .*; did you mean full"),
        ({"num_components": 0}, "num_components must be a whole number of at least 1, got 0"),
        ({"max_epochs": 0}, "max_epochs must be a whole number of at least 1, got 0"),
        ({"max_epochs": -1}, "max_epochs must be a whole number of at least 1, got -1"),
        ({"settings": {"backbone.widht": 7}}, "widht"),
    ],
    ids=str,
)
def test_a_bad_setting_is_a_value_error(branches, setting, wanted):
    with pytest.raises(ValueError, match=wanted):
        MDNRegressor(**(QUICK | setting)).fit(*branches)


def test_a_score_is_of_numbers_for_each_target(fitted, branches):
    x, y = branches[0][:5], branches[1][:5]
    with pytest.raises(ValueError, match="NaN"):
        fitted.score(x, np.r_[y[:4], np.nan])
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        fitted.score(x, y[:4])
    with pytest.raises(ValueError, match="y has 2 targets, it was fitted with 1"):
        fitted.score(x, np.stack([y, y], -1))


def test_progress_when_asked(branches, capsys):
    MDNRegressor(**QUICK).fit(*branches)
    assert "epoch" not in "".join(capsys.readouterr())
    MDNRegressor(**QUICK, progress=True).fit(*branches)
    assert "epoch" in "".join(capsys.readouterr())


def checks():
    model = MDNRegressor(2, max_epochs=1, random_state=0)
    return list(estimator_checks_generator(model, legacy=True, mark=None))


@pytest.mark.parametrize("check", checks(), ids=lambda c: c[1].func.__name__)
def test_scikit_learns_own_checks(check):
    estimator, function = check
    if function.func.__name__ in EXPECTED:
        pytest.skip(EXPECTED[function.func.__name__])
    function(estimator)


def test_a_lazy_frame_is_refused(branches, fitted):
    polars = pytest.importorskip("polars")
    lazy = polars.DataFrame({"x": branches[1]}).lazy()
    asked = [
        lambda: MDNRegressor(**QUICK).fit(lazy, branches[1]),
        lambda: MDNRegressor(**QUICK).fit(branches[0], lazy),
        lambda: fitted.predict(lazy),
        lambda: fitted.score(branches[0], lazy),
    ]
    for ask in asked:
        with pytest.raises(TypeError, match=r"got a LazyFrame, .* call its collect\(\) first"):
            ask()

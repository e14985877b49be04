"""Networks on rows with absurd values, columns that never change, and weights of any size."""

import math
from itertools import pairwise

import numpy as np
import pytest
import torch
from checkpoints import save
from scipy.stats import norm

import mdn
from mdn.estimators.regressor import MDNRegressor
from mdn.model.exportable import PlainModel

SMALL = {"num_components": 2, "ensemble_size": 1, "random_state": 0}
ROWS = 300


def rows(count=ROWS, seed=0):
    """A sine with noise of 0.2."""
    draws = np.random.default_rng(seed)
    x = draws.uniform(-1, 1, (count, 1))
    return x, np.sin(3 * x[:, 0]) + 0.2 * draws.normal(size=count)


@pytest.fixture(scope="module")
def plain() -> float:
    """The nll of other rows where no row is absurd."""
    model = MDNRegressor(**SMALL, max_epochs=30).fit(*rows())
    return -model.score(*rows(1000, seed=1))


@pytest.mark.parametrize("value", [1e9, -1e25])
@pytest.mark.filterwarnings("ignore:one value of target 'y0' is at least")
def test_an_absurd_target_leaves_the_rest_as_it_is(plain, value):
    x, y = rows()
    model = MDNRegressor(**SMALL, max_epochs=30).fit(np.vstack([x, [[0.3]]]), np.r_[y, value])
    assert -model.score(*rows(1000, seed=1)) < plain + 0.1
    assert model.module_.targets.factor.item() == pytest.approx(y.std(), rel=0.1)


@pytest.mark.filterwarnings("ignore:one value of input 'x0' is at least")
def test_an_absurd_input_leaves_the_rest_as_it_is(plain):
    x, y = rows()
    model = MDNRegressor(**SMALL, max_epochs=30).fit(np.vstack([x, [[1e9]]]), np.r_[y, 0.3])
    assert -model.score(*rows(1000, seed=1)) < plain + 0.1
    far = model.predict([[1e9], [1e12], [1e300]])
    assert np.isfinite(far).all()
    assert np.ptp(far) == 0


def test_a_test_score_counts_an_absurd_row():
    x, y = rows(1000, seed=1)
    model = MDNRegressor(**SMALL, max_epochs=5).fit(*rows())
    assert -model.score(np.vstack([x, [[0.0]]]), np.r_[y, 1e9]) > 1e6


@pytest.fixture(scope="module", params=[1, 3])
def with_a_constant(request):
    """A model of x0 and of a year that is 2023 in training."""
    x, y = rows(120)
    settings = SMALL | {"ensemble_size": request.param, "max_epochs": 6}
    with pytest.warns(UserWarning, match="input 'x1' is 2023 in every training row; the model"):
        return MDNRegressor(**settings).fit(np.c_[x, np.full(len(x), 2023.0)], y)


def at_years(*years) -> list[np.ndarray]:
    x = np.linspace(-1, 1, 7)
    return [np.c_[x, np.full(7, year)] for year in years]


def test_an_input_that_never_changed_has_no_influence_on_any_answer(with_a_constant):
    model = with_a_constant
    questions = (
        model.predict,
        model.predict_quantiles,
        model.predict_interval,
        lambda x: np.stack(model.predict_uncertainty(x)),
        lambda x: model.predict_density(x).log_prob(torch.zeros(7, 1).double()).numpy(),
        lambda x: model.module_.predict_members(x).mean.numpy(),
        lambda x: PlainModel(model.module_)(torch.from_numpy(x))[1].detach().numpy(),
    )
    for ask in questions:
        for one, other in pairwise(at_years(2023, 2024, 0, -1e25)):
            np.testing.assert_array_equal(ask(one), ask(other))


def test_it_has_none_in_an_exported_graph(with_a_constant):
    one, other = (torch.from_numpy(x) for x in at_years(2023, 2050))
    graph = torch.export.export(PlainModel(with_a_constant.module_), (one,)).module()
    for before, after in zip(graph(one), graph(other), strict=True):
        assert torch.equal(before, after)
    far = one.clone()
    far[:, 0] = 1e12
    assert all(answer.isfinite().all() for answer in graph(far))


def test_it_has_none_in_a_model_that_was_saved(with_a_constant, tmp_path):
    loaded = mdn.load(save(with_a_constant.module_, tmp_path / "constant.ckpt"))
    one, other = (loaded.predict(x).mean for x in at_years(2023, 2050))
    assert torch.equal(one, other)
    np.testing.assert_array_equal(one.squeeze(-1), with_a_constant.predict(at_years(2023)[0]))


@pytest.mark.filterwarnings("ignore:input 'x1' is 7 in every training row")
def test_only_rows_that_count_can_change_an_input():
    x, y = rows(120)
    other = np.full(120, 7.0)
    other[:20] = np.arange(20)
    weight = np.r_[np.zeros(20), np.ones(100)]
    model = MDNRegressor(**SMALL, max_epochs=2).fit(np.c_[x, other], y, weight)
    near, far = (np.c_[x[:5], np.full(5, value)] for value in (7, 1000))
    np.testing.assert_array_equal(model.predict(near), model.predict(far))


@pytest.mark.parametrize("factor", [1e-300, 1e38, 1e300])
def test_a_common_factor_of_the_weights_changes_nothing(factor):
    x, y = rows(100)
    one, other = (
        MDNRegressor(**SMALL, max_epochs=3).fit(x, y, np.full(100, w)).predict(x)
        for w in (1.0, factor)
    )
    np.testing.assert_array_equal(one, other)


def test_few_weighted_rows_have_finite_scores():
    x, y = rows(100)
    weight = np.r_[np.ones(8), np.zeros(92)]
    model = MDNRegressor(**SMALL, max_epochs=3).fit(x, y, weight)
    assert np.isfinite(model.score(x[:8], y[:8]))
    dropped = MDNRegressor(**SMALL, max_epochs=3).fit(x[:8], y[:8])
    np.testing.assert_allclose(model.predict(x), dropped.predict(x), rtol=1e-5)


@pytest.mark.parametrize("kept", [1, 2])
def test_too_few_weighted_rows_are_refused_by_name(kept):
    x, y = rows(200)
    weight = np.r_[np.ones(kept), np.zeros(200 - kept)]
    with pytest.raises(ValueError, match="rows of positive weight"):
        MDNRegressor(**SMALL, max_epochs=2).fit(x, y, weight)


@pytest.mark.parametrize("unit", [1e-44, 1e-20, 1e-3, 1e6, 1e12])
def test_the_unit_of_a_target_changes_no_digit(unit):
    x, y = rows(100)
    one = MDNRegressor(**SMALL, max_epochs=3).fit(x, y)
    other = MDNRegressor(**SMALL, max_epochs=3).fit(x, unit * y)
    np.testing.assert_allclose(other.predict(x), unit * one.predict(x), rtol=1e-6)
    nats = other.score(x, unit * y) + math.log(unit)
    assert nats == pytest.approx(one.score(x, y), rel=1e-6)


@pytest.mark.parametrize("unit", [1e-200, 1e160])
def test_a_target_that_float64_cannot_square_is_refused_by_name(unit):
    x, y = rows(100)
    with pytest.raises(ValueError, match=r"target 'y0' holds numbers up to .* change its unit"):
        MDNRegressor(**SMALL, max_epochs=2).fit(x, unit * y)


def test_a_small_spread_behind_a_large_offset_is_learnt():
    x, _ = rows(500)
    noise = norm.ppf((np.random.default_rng(0).permutation(500) + 0.5) / 500)
    y = 1.7e9 + 1e-3 * noise
    module = MDNRegressor(**SMALL, max_epochs=2).fit(x, y).module_
    assert module.targets.factor.item() == pytest.approx(1e-3, rel=0.2)


def test_answers_that_float32_cannot_hold_are_refused():
    x, y = rows(100)
    module = MDNRegressor(**SMALL, max_epochs=2).fit(x, 1e-44 * y).module_
    with pytest.raises(ValueError, match=r"torch\.float32 cannot hold answers about target 'y0'"):
        module(torch.zeros(3, 1))
    assert module(torch.zeros(3, 1).double()).mean.isfinite().all()

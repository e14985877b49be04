"""Absurd rows, numbers at the ends of float64, weights of any size, and arguments of any kind."""

import math

import numpy as np
import polars
import pytest
import torch
from scipy.stats import norm
from sklearn.datasets import load_iris
from sklearn.exceptions import NotFittedError
from sklearn.mixture import GaussianMixture as SklearnMixture

import mdn
from mdn import GMM

IRIS = load_iris().data
QUANTILES = norm.ppf((np.arange(99) + 0.5) / 99)[:, None]
SPREAD = QUANTILES.std()
FAMILIES = ["full", "tied", "diagonal", "isotropic", "shared_isotropic"]
FAR = pytest.mark.filterwarnings("ignore:one value of column 0 of X is at least")


def deviations(fit):
    return np.sort(np.sqrt(np.ravel(fit.covariances_)))


@FAR
@pytest.mark.parametrize("absurd", [1e6, 1e9, -1e30])
@pytest.mark.parametrize("method", ["em", "gradient"])
@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_an_absurd_value_does_not_decide_the_unit(family, method, absurd):
    rows = np.vstack([QUANTILES, [[absurd]]])
    fit = GMM(2, family, method, random_state=0, max_iter=300).fit(rows)
    ordinary = fit.weights_.argmax()
    assert fit.weights_[ordinary] == pytest.approx(0.99, abs=1e-3)
    assert fit.means_[ordinary, 0] == pytest.approx(0, abs=0.01)
    assert deviations(fit).max() == pytest.approx(SPREAD, rel=0.02)


@FAR
def test_em_counts_every_row():
    rows = np.vstack([QUANTILES, [[1e9]]])
    fit = GMM(1).fit(rows)
    assert fit.means_[0, 0] == pytest.approx(1e7)
    assert deviations(fit)[0] == pytest.approx(rows.std(), rel=1e-9)


def test_says_once_what_was_seen():
    rows = np.vstack([QUANTILES, [[1e9]]])
    with pytest.warns(
        UserWarning, match=r"one value of column 0 of X is .* than the other 99 rows"
    ):
        GMM(2, random_state=0).fit(rows)


@FAR
def test_an_absurd_value_leaves_the_choice_among_the_rest():
    random = np.random.default_rng(0)
    rows = np.concatenate([random.normal(-4, 1, (150, 1)), random.normal(4, 1, (150, 1))])
    best = mdn.select(rows, "diagonal", [1, 2, 3], random_state=0).best
    among = mdn.select(np.vstack([rows, [[1e9]]]), "diagonal", [1, 2, 3, 4], random_state=0).best
    assert (best.num_components, among.num_components) == (2, 3)
    assert np.sort(among.means_[:, 0])[:2] == pytest.approx(np.sort(best.means_[:, 0]), abs=1e-3)


def test_rows_that_spread_below_the_floor_are_told():
    rows = np.vstack([QUANTILES, np.full((5, 1), 1e9)])
    with pytest.warns(UserWarning, match=r"99 rows of component \d spread less in column 0 of X"):
        GMM(2, random_state=0).fit(rows)


def test_equal_rows_are_not_told():
    GMM(2, random_state=0).fit(np.repeat([[0.1], [0.7]], 50, axis=0))


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("unit", [1e-145, 1e-60, 1e60, 1e140])
def test_any_unit_that_float64_holds(family, unit):
    """Against the same fit of rows in a usual unit, whose powers of ten are put back."""
    plain = GMM(2, family, tol=1e-4, means_init=IRIS[[0, 100]]).fit(IRIS)
    fit = GMM(2, family, tol=1e-4, means_init=unit * IRIS[[0, 100]]).fit(unit * IRIS)
    assert fit.converged_
    assert fit.means_ / unit == pytest.approx(plain.means_, rel=1e-9)
    assert np.asarray(fit.covariances_) / unit / unit == pytest.approx(
        np.asarray(plain.covariances_), rel=1e-7, abs=1e-9
    )
    assert fit.score(unit * IRIS) + 4 * math.log(unit) == pytest.approx(plain.score(IRIS), abs=1e-9)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([[1e160], [-1e160], [0.0]], r"column 0 of X holds values as large as 1e\+160"),
        (1e-170 * QUANTILES, r"column 0 of X spreads by 9.94e-171 only"),
        (1e-200 * IRIS, "spreads by .*multiply it by a power of ten"),
        (np.vstack([QUANTILES, [[1e120]]]), r"lies 1.01e\+120 standard deviations .* remove"),
    ],
)
@pytest.mark.parametrize("method", ["em", "gradient"])
def test_what_float64_cannot_hold_is_refused(rows, message, method):
    with pytest.raises(ValueError, match=message):
        GMM(1, method=method).fit(rows)


@pytest.mark.parametrize(
    ("offset", "spread"), [(1.7e9, 2e-4), (1.7e18, 1e6), (2459000.5, 1e-7), (-4e14, 100.0)]
)
def test_a_small_spread_behind_a_large_offset(offset, spread):
    """Against the spread of the rows as float64 has rounded them, about one of them."""
    rows = offset + spread * QUANTILES
    expected = (rows - rows[49]).std()
    assert deviations(GMM().fit(rows))[0] == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("value", [0.1, 3.0, 1.7e18, 1e-200])
def test_a_constant_column_has_the_floor(value):
    assert deviations(GMM().fit(np.full((50, 1), value)))[0] == pytest.approx(1e-3)


def test_criteria_of_weighted_rows():
    """Equal weights, and weights of zero, are as no weights; a common factor changes nothing."""
    fit = GMM(2, random_state=0).fit(IRIS)
    some = np.arange(150) % 3 > 0
    for answer in (fit.bic, fit.aic, lambda X, w=None: fit.score(X, None, w)):
        assert answer(IRIS, np.full(150, 1e-300)) == pytest.approx(answer(IRIS), rel=1e-12)
        assert answer(IRIS, 1e300 * some) == pytest.approx(answer(IRIS[some]), rel=1e-12)
    weight = 1.0 + np.arange(150) % 3
    rows = weight.sum() ** 2 / (weight**2).sum()
    mean = np.average(fit.score_samples(IRIS), weights=weight)
    expected = fit.num_parameters_ * math.log(rows) - 2 * rows * mean
    assert fit.bic(IRIS, weight) == pytest.approx(expected)


def test_rows_with_nothing_observed_count_for_no_criterion():
    rows = np.where(np.arange(600).reshape(150, 4) % 7, IRIS, np.nan)
    fit = GMM(2, random_state=0).fit(rows)
    more = np.vstack([rows, np.full((50, 4), np.nan)])
    assert fit.bic(more) == pytest.approx(fit.bic(rows))
    assert fit.score(more) == pytest.approx(fit.score(rows))
    with pytest.raises(ValueError, match="nothing to score"):
        fit.score(more[150:])


def test_a_choice_by_weighted_rows_is_a_choice_among_them():
    random = np.random.default_rng(0)
    rows = np.concatenate([random.normal(-4, 1, (150, 1)), random.normal(4, 1, (150, 1))])
    weight = np.repeat([1.0, 0.0], 150)
    table = mdn.select(rows, "diagonal", [1, 2], sample_weight=weight, random_state=0).table
    alone = mdn.select(rows[:150], "diagonal", [1, 2], random_state=0).table
    assert [row["bic"] for row in table] == pytest.approx([row["bic"] for row in alone], rel=1e-6)


@pytest.mark.parametrize("method", ["em", "gradient"])
def test_weights_that_leave_next_to_no_row_are_told(method):
    weight = np.r_[1e25, np.ones(149)]
    with pytest.warns(UserWarning, match="tell as much as 1.0 rows of equal weight"):
        GMM(1, method=method, max_iter=500, tol=1e-2).fit(IRIS, sample_weight=weight)


@pytest.mark.parametrize(
    ("weight", "message"),
    [
        (-np.ones(150), "Negative values in data passed to `sample_weight`"),
        (np.full(150, np.nan), "sample_weight contains NaN"),
        (np.full(150, np.inf), "sample_weight contains infinity"),
        (np.ones(3), r"sample_weight.shape == \(3,\), expected \(150,\)"),
        (np.zeros(150), "at least one non-zero number"),
        (np.r_[1.0, np.zeros(149)], "needs at least 2 rows of positive weight, got 1"),
    ],
)
def test_weights_that_are_none(weight, message):
    with pytest.raises(ValueError, match=message):
        GMM(1).fit(IRIS, sample_weight=weight)


LARGE = 10**13


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"num_components": LARGE}, r"num_components=1\d{13}, 4 columns, would take .* PB"),
        ({"n_init": LARGE}, "starts would take .* PB"),
        ({"num_components": "3"}, "num_components must be a whole number of at least 1, got '3'"),
        ({"num_components": 2.5}, "num_components must be a whole number"),
        ({"num_components": True}, "num_components must be a whole number .* got True"),
        ({"max_iter": 0}, "max_iter must be a whole number"),
        ({"n_init": 0}, "n_init must be a whole number"),
        ({"tol": math.nan}, "tol must be a number of at least 0, got nan"),
        ({"tol": "x"}, "tol must be a number of at least 0, got 'x'"),
        ({"tol": math.nan, "method": "gradient"}, "tol must be a number of at least 0, got nan"),
        ({"min_scale": -1}, "min_scale must be a positive number, got -1"),
        ({"min_scale": None}, "min_scale must be a positive number, got None"),
        ({"min_scale": 1e-200}, "the square of 1e-200 of that do not fit in float64"),
        ({"min_scale": 1e200}, "min_scale must lie between 1e-150 and 1e.150"),
        ({"family": ["full"]}, r"family must be one of \['full', .*got \['full'\]"),
        ({"init": ["k-means"]}, "init must be one of"),
        ({"method": None}, "method must be one of"),
        ({"warm_start": "yes"}, "warm_start must be True or False, got 'yes'"),
        ({"means_init": np.full((2, 4), np.nan)}, "means_init must be finite"),
        ({"means_init": IRIS[:2] + 1j}, "means_init must be real numbers"),
        ({"means_init": "abc"}, "means_init must be real numbers"),
        ({"means_init": [[1, 2], [3]]}, "means_init must be real numbers"),
        ({"means_init": IRIS[:2] * 1e200}, "a value of means_init lies .* standard deviations"),
        ({"weights_init": [0, 1]}, "weights_init must be positive and sum to 1"),
        ({"weights_init": [np.nan, 1]}, "weights_init must be finite"),
        ({"covariances_init": np.full((2, 4, 4), np.nan)}, "covariances_init must be finite"),
        ({"covariances_init": np.ones((2, 4, 4))}, "symmetric and positive definite"),
        ({"covariances_init": 1e-13 * np.triu(np.eye(4) + 1)[None].repeat(2, 0)}, "symmetric"),
        ({"covariances_init": -np.eye(4)[None].repeat(2, 0)}, "symmetric and positive definite"),
    ],
)
def test_errors_say_what_was_wrong(change, message):
    with pytest.raises(ValueError, match=message):
        GMM(**({"num_components": 2, "random_state": 0} | change)).fit(IRIS)


@pytest.mark.parametrize("unit", [1e-140, 1.0, 1e70])
def test_covariances_to_start_from_may_be_nearly_singular_in_any_unit(unit):
    given = unit * unit * (np.ones((4, 4)) + 1e-9 * np.eye(4))
    fit = GMM(1, covariances_init=given[None]).fit(unit * IRIS)
    assert fit.converged_


@pytest.mark.parametrize("number", [0, True, LARGE])
def test_numbers_of_samples(number):
    with pytest.raises(ValueError, match="n_samples"):
        GMM(2, random_state=0).fit(IRIS).sample(number)


def test_rows_in_other_forms():
    plain = GMM(2, random_state=0).fit(IRIS)
    for rows in (torch.from_numpy(IRIS).requires_grad_(), polars.DataFrame(IRIS), IRIS.tolist()):
        assert GMM(2, random_state=0).fit(rows).score(rows) == pytest.approx(plain.score(IRIS))
    rounded = torch.from_numpy(IRIS).bfloat16()
    assert GMM(2, random_state=0).fit(rounded).score(rounded.float()) == pytest.approx(
        plain.score(IRIS), abs=0.1
    )


@pytest.mark.filterwarnings("ignore:X has feature names")
def test_rows_that_are_none():
    fit = GMM(2, random_state=0).fit(IRIS)
    for ask in (fit.fit, fit.score, fit.predict, mdn.select):
        with pytest.raises(TypeError, match=r"X is a LazyFrame, .* pass X.collect\(\)"):
            ask(polars.DataFrame(IRIS).lazy())
        with pytest.raises(ValueError, match="Complex data not supported"):
            ask(IRIS + 1j)
        with pytest.raises(ValueError, match="could not convert string to float"):
            ask(polars.DataFrame({"a": ["x", "y"], "b": [1, 2]}))
        with pytest.raises(ValueError, match="Expected 2D array"):
            ask(IRIS[:, 0])
        with pytest.raises(ValueError, match=r"0 (sample|feature)\(s\)"):
            ask(IRIS[:0])
    with pytest.raises(ValueError, match="X has 2 features"):
        fit.predict(IRIS[:, :2])
    with pytest.raises(NotFittedError):
        GMM().predict(IRIS)


@pytest.mark.parametrize("rows", [IRIS, 1e6 + IRIS], ids=["plain", "offset"])
def test_weighted_rows_against_scikit_learn_on_repeated_ones(rows):
    weight = 1 + np.arange(150) % 3
    fit = GMM(1).fit(rows, sample_weight=weight)
    theirs = SklearnMixture(1, reg_covar=0).fit(np.repeat(rows, weight, axis=0))
    assert fit.means_ == pytest.approx(theirs.means_, rel=1e-12)
    assert fit.covariances_ == pytest.approx(theirs.covariances_, rel=1e-6, abs=1e-7)

"""The estimator against scikit-learn's, and its answers against scipy."""

import math

import numpy as np
import pytest
from scipy.stats import multivariate_normal
from sklearn.datasets import load_iris
from sklearn.exceptions import ConvergenceWarning
from sklearn.mixture import GaussianMixture as SklearnMixture

from mdn import GMM

IRIS = load_iris().data
MEANS = IRIS[[0, 50, 100]]
BIASED = np.cov(IRIS.T, ddof=0)
THIRDS = np.full(3, 1 / 3)
EXACT = {"tol": 1e-10, "min_scale": 1e-6, "means_init": MEANS}
FIGURES = {
    "full": (-1.243796399, 120, 593.6069, 44, (3, 4, 4)),
    "tied": (-1.756492683, 28, 647.2031, 24, (4, 4)),
    "diagonal": (-2.047850477, 38, 744.6317, 26, (3, 4)),
    "isotropic": (-2.562093967, 29, 853.8090, 17, (3,)),
    "shared_isotropic": (-2.678681172, 18, 878.7639, 15, ()),
}


def dense(fit):
    """Covariances [K, D, D] from the shape that the family keeps them in."""
    kept = np.asarray(fit.covariances_)
    if kept.shape[-2:] == (4, 4):
        return np.broadcast_to(kept, (3, 4, 4))
    variances = kept if kept.ndim == 2 else kept[..., None]
    return np.broadcast_to(variances, (3, 4))[:, :, None] * np.eye(4)


@pytest.mark.parametrize("family", FIGURES)
def test_reference_figures(family):
    figure, iterations, bic, parameters, shape = FIGURES[family]
    fit = GMM(3, family, **EXACT).fit(IRIS)
    assert fit.score(IRIS) == pytest.approx(figure, abs=1e-8)
    assert fit.n_iter_ == iterations
    assert fit.converged_
    assert fit.bic(IRIS) == pytest.approx(bic, abs=1e-3)
    assert fit.aic(IRIS) == pytest.approx(2 * parameters - 300 * fit.score(IRIS))
    assert np.shape(fit.covariances_) == shape


@pytest.mark.parametrize(
    ("family", "kind", "precision"),
    [
        ("full", "full", np.broadcast_to(np.linalg.inv(BIASED), (3, 4, 4))),
        ("tied", "tied", np.linalg.inv(BIASED)),
        ("diagonal", "diag", np.tile(1 / np.diag(BIASED), (3, 1))),
        ("isotropic", "spherical", np.full(3, 1 / np.diag(BIASED).mean())),
    ],
)
def test_every_attribute_and_answer_of_scikit_learn(family, kind, precision):
    theirs = SklearnMixture(
        3,
        covariance_type=kind,
        tol=1e-10,
        reg_covar=0,
        max_iter=1000,
        weights_init=THIRDS,
        means_init=MEANS,
        precisions_init=precision,
    ).fit(IRIS)
    ours = GMM(3, family, **EXACT).fit(IRIS)
    for name in ("weights_", "means_", "covariances_", "lower_bounds_", "lower_bound_", "n_iter_"):
        assert getattr(ours, name) == pytest.approx(getattr(theirs, name), abs=1e-7), name
    for answer in ("score_samples", "predict_proba", "bic", "aic", "score"):
        expected = getattr(theirs, answer)(IRIS)
        assert getattr(ours, answer)(IRIS) == pytest.approx(expected, abs=1e-5), answer
    assert np.array_equal(ours.predict(IRIS), theirs.predict(IRIS))


@pytest.mark.parametrize("method", ["em", "gradient"])
@pytest.mark.parametrize("family", FIGURES)
def test_density_is_that_of_the_attributes(family, method):
    fit = GMM(3, family, method, random_state=0, tol=1e-3).fit(IRIS)
    parts = zip(fit.weights_, fit.means_, dense(fit), strict=True)
    expected = sum(w * multivariate_normal(m, c).pdf(IRIS) for w, m, c in parts)
    assert fit.score_samples(IRIS) == pytest.approx(np.log(expected), rel=1e-9)


@pytest.mark.parametrize("family", FIGURES)
def test_given_covariances_are_where_it_starts(family):
    """Those a fit ends with, given as a start, leave it nothing to do."""
    end = GMM(3, family, **EXACT).fit(IRIS)
    given = {"weights_init": end.weights_, "means_init": end.means_}
    again = GMM(3, family, tol=1e-8, **given, covariances_init=end.covariances_).fit(IRIS)
    assert again.n_iter_ == 2
    assert again.lower_bounds_[0] == pytest.approx(end.score(IRIS), abs=1e-10)
    whole = GMM(3, family, tol=1e-8, **given, covariances_init=dense(end)).fit(IRIS)
    assert whole.lower_bounds_ == pytest.approx(again.lower_bounds_, abs=1e-12)


@pytest.mark.parametrize("method", ["em", "gradient"])
def test_constant_keeps_the_variance_it_was_given(method):
    fit = GMM(3, "constant", method, covariances_init=0.49, random_state=0, tol=1e-4).fit(IRIS)
    assert fit.covariances_ == pytest.approx(0.49)
    assert fit.aic(IRIS) + 300 * fit.score(IRIS) == pytest.approx(2 * 14)


def test_constant_takes_its_variance_in_full_too():
    whole = np.broadcast_to(0.49 * np.eye(4), (3, 4, 4))
    fit = GMM(3, "constant", covariances_init=whole, random_state=0, tol=1e-4).fit(IRIS)
    assert fit.covariances_ == pytest.approx(0.49)


@pytest.mark.parametrize(
    "variances", [[[1, 1, 1, 1], [1, 1, 1, 1], [1, 1, 1, 2]], [[1, 2, 3, 4]] * 3]
)
def test_constant_refuses_more_than_one_variance(variances):
    given = np.array(variances)[:, :, None] * np.eye(4)
    with pytest.raises(ValueError, match=r"has one variance for all .* not one number times"):
        GMM(3, "constant", covariances_init=given).fit(IRIS)


def test_constant_refuses_correlations():
    given = np.broadcast_to(np.eye(4) + 0.1, (3, 4, 4)) / 1.1
    with pytest.raises(ValueError, match="not one number times the identity"):
        GMM(3, "constant", covariances_init=given).fit(IRIS)


@pytest.mark.parametrize("method", ["em", "gradient"])
def test_nine_to_one(method):
    random = np.random.default_rng(0)
    rows = np.concatenate([random.normal(-5, 1, (900, 1)), random.normal(5, 1, (100, 1))])
    fit = GMM(2, method=method, random_state=0).fit(rows)
    assert np.sort(fit.weights_) == pytest.approx([0.1, 0.9], abs=0.005)
    assert -fit.score(rows) == pytest.approx(1.7282, abs=0.03)


@pytest.mark.parametrize(("factor", "offset"), [(1e-9, 1e4), (1e9, 0.0)])
@pytest.mark.parametrize("family", FIGURES)
def test_units_make_no_difference(family, factor, offset):
    moved = factor * (IRIS + offset)
    fit = GMM(3, family, tol=1e-3, means_init=factor * (MEANS + offset)).fit(moved)
    plain = GMM(3, family, tol=1e-3, means_init=MEANS).fit(IRIS)
    assert fit.score(moved) + 4 * math.log(factor) == pytest.approx(plain.score(IRIS), abs=1e-6)


def test_row_weights_are_repetitions():
    weight = 1 + np.arange(150) % 3
    weighted = GMM(3, random_state=0).fit(IRIS, sample_weight=weight)
    repeated = GMM(3, random_state=0).fit(np.repeat(IRIS, weight, axis=0))
    assert weighted.lower_bounds_ == pytest.approx(repeated.lower_bounds_, abs=1e-9)
    assert weighted.means_ == pytest.approx(repeated.means_)


def test_going_on_from_the_last_fit():
    whole = GMM(3, random_state=0, tol=1e-9).fit(IRIS)
    resumed = GMM(3, random_state=0, tol=1e-9, max_iter=5, warm_start=True)
    with pytest.warns(ConvergenceWarning, match="still rises after 5 iterations; raise max_iter"):
        resumed.fit(IRIS)
    first = resumed.lower_bounds_
    rest = resumed.set_params(max_iter=1000).fit(IRIS).lower_bounds_
    assert first + rest == pytest.approx(whole.lower_bounds_, abs=1e-9)


@pytest.mark.parametrize(
    ("components", "columns", "message"),
    [
        (2, 4, r"means of shape \(3, 4\), but .* ask for \(2, 4\)"),
        (3, 2, r"means of shape \(3, 4\), but .* ask for \(3, 2\)"),
    ],
)
def test_going_on_with_another_shape_is_refused(components, columns, message):
    fit = GMM(3, random_state=0, warm_start=True).fit(IRIS)
    with pytest.raises(ValueError, match=message):
        fit.set_params(num_components=components).fit(IRIS[:, :columns])


def test_missing_entries_are_answered_for_by_what_is_observed():
    rows = IRIS.copy()
    rows[::4, 2] = np.nan
    rows[1::5, 0] = np.nan
    fit = GMM(2, random_state=0).fit(rows)
    parts = list(zip(fit.weights_, fit.means_, fit.covariances_, strict=True))
    for row, log_density, share in zip(
        rows, fit.score_samples(rows), fit.predict_proba(rows), strict=True
    ):
        seen = ~np.isnan(row)
        joint = [
            w * multivariate_normal(m[seen], c[np.ix_(seen, seen)]).pdf(row[seen])
            for w, m, c in parts
        ]
        assert log_density == pytest.approx(math.log(sum(joint)), rel=1e-8, abs=1e-8)
        assert share == pytest.approx(np.array(joint) / sum(joint), abs=1e-8)
    assert fit.score(rows) >= fit.lower_bound_


def test_lower_bound_is_the_mean_over_rows_that_have_something_observed():
    rows = IRIS * [1, 10, 100, 1000]
    rows[::4, 2] = np.nan
    rows[1::5, :2] = np.nan
    rows[7] = np.nan
    weight = 1.0 + np.arange(150) % 3
    fit = GMM(2, random_state=0, tol=1e-9).fit(rows, sample_weight=weight)
    score = np.average(np.delete(fit.score_samples(rows), 7), weights=np.delete(weight, 7))
    assert fit.lower_bound_ == pytest.approx(score, abs=1e-5)


def test_samples_have_the_moments_of_their_components():
    fit = GMM(2, random_state=0).fit(IRIS)
    rows, component = fit.sample(40_000)
    assert np.bincount(component) / 40_000 == pytest.approx(fit.weights_, abs=0.01)
    for k in range(2):
        mine = rows[component == k]
        assert mine.mean(0) == pytest.approx(fit.means_[k], abs=0.03)
        assert np.cov(mine.T) == pytest.approx(fit.covariances_[k], abs=0.03)


def test_fifty_zeros():
    fit = GMM(2).fit(np.zeros((50, 2)))
    assert fit.score(np.zeros((50, 2))) == pytest.approx(11.977633, abs=1e-6)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"num_components": 0}, "num_components must be a whole number of at least 1, got 0"),
        ({"num_components": 151}, "got 150 rows .* for 151 components"),
        ({"family": "spherical"}, r"family must be one of \['full', .*got 'spherical'"),
        ({"method": "vb"}, r"method must be one of \['em', 'gradient'\], got 'vb'"),
        ({"init": "kmeans"}, "init must be one of"),
        ({"tol": -1.0}, "tol must be a number of at least 0"),
        ({"min_scale": 0.0}, "min_scale must be a positive number, got 0.0"),
        ({"means_init": IRIS[:2]}, r"means_init must be finite and have shape \(3, 4\), got \(2,"),
        ({"weights_init": [0.5, 0.6, 0.1]}, "weights_init must be positive and sum to 1"),
        ({"covariances_init": np.ones(3)}, r"must have shape \(3, 4, 4\), got \(3,\)"),
        ({"covariances_init": np.ones((3, 4, 4))}, "symmetric and positive definite"),
        ({"family": "constant"}, "never learns its variance and got none; pass it as"),
    ],
)
def test_errors_say_what_was_wrong(change, message):
    with pytest.raises(ValueError, match=message):
        GMM(**({"num_components": 3} | change)).fit(IRIS)


def test_a_column_without_any_entry():
    rows = IRIS.copy()
    rows[:, 1] = np.nan
    with pytest.raises(ValueError, match=r"nothing is observed in columns \[1\]; remove them"):
        GMM(2).fit(rows)


def test_gradient_descent_refuses_missing_entries():
    with pytest.raises(ValueError, match="contains NaN"):
        GMM(2, method="gradient").fit(np.where(IRIS > 5, np.nan, IRIS))

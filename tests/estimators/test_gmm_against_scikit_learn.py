"""Answers of a fit against scikit-learn's own, for the very same parameters."""

import numpy as np
import pytest
from sklearn.datasets import load_iris
from sklearn.mixture import GaussianMixture as SklearnMixture

from mdn import GMM

IRIS = load_iris().data
KINDS = {"full": "full", "tied": "tied", "diagonal": "diag", "isotropic": "spherical"}


def with_the_parameters_of(fit: GMM, kind: str) -> SklearnMixture:
    """scikit-learn's mixture, which keeps the factor of each precision."""
    theirs = SklearnMixture(3, covariance_type=kind)
    theirs.weights_, theirs.means_ = fit.weights_, fit.means_
    theirs.covariances_ = np.asarray(fit.covariances_)
    if kind in ("full", "tied"):
        factor = np.linalg.inv(np.linalg.cholesky(theirs.covariances_))
        theirs.precisions_cholesky_ = np.swapaxes(factor, -1, -2)
    else:
        theirs.precisions_cholesky_ = 1 / np.sqrt(theirs.covariances_)
    return theirs


@pytest.mark.parametrize("family", KINDS)
def test_answers_are_those_of_scikit_learn(family):
    ours = GMM(3, family, random_state=0, tol=1e-3).fit(IRIS)
    theirs = with_the_parameters_of(ours, KINDS[family])
    for answer in ("score", "score_samples", "bic", "aic"):
        expected = getattr(theirs, answer)(IRIS)
        np.testing.assert_allclose(getattr(ours, answer)(IRIS), expected, rtol=5e-13, atol=5e-13)
    proba = ours.predict_proba(IRIS)
    np.testing.assert_allclose(proba, theirs.predict_proba(IRIS), rtol=0, atol=5e-13)
    np.testing.assert_array_equal(ours.predict(IRIS), theirs.predict(IRIS))


@pytest.mark.parametrize("family", KINDS)
def test_probabilities_of_components_sum_to_one(family):
    fit = GMM(3, family, random_state=0, tol=1e-3).fit(IRIS)
    rows = np.concatenate([IRIS, 1e3 * IRIS, -1e6 * IRIS])
    np.testing.assert_allclose(fit.predict_proba(rows).sum(-1), 1, rtol=0, atol=2.3e-16)


@pytest.mark.parametrize("family", KINDS)
def test_the_midpoint_of_two_far_clusters_belongs_to_both(family):
    """Rows and their mirror images, so that nothing but rounding tells the clusters apart."""
    near = np.random.default_rng(0).integers(-8, 9, (50, 1)) / 4
    fit = GMM(2, family, min_scale=1e-4, random_state=0).fit(np.concatenate([near, 1e4 - near]))
    # Each log density, of some millions of nats, is rounded.
    rounding = 4 * np.spacing(abs(fit.score([[5e3]])))
    np.testing.assert_allclose(fit.predict_proba([[5e3]]), [[0.5, 0.5]], rtol=0, atol=rounding)

"""Weights and values of extreme size change nothing that they should not."""

import numpy as np
import pytest
from sklearn.datasets import load_iris

from mdn import GMM

IRIS = load_iris().data
FAMILIES = ["full", "tied", "diagonal", "isotropic", "shared_isotropic"]
SEEDED = np.random.default_rng(0)


@pytest.mark.parametrize("start", [{}, {"means_init": IRIS[[1, 50, 100]]}], ids=["seed", "means"])
@pytest.mark.parametrize("family", FAMILIES)
def test_rows_of_no_weight_are_as_if_they_were_not_there(family, start):
    weight = np.where(np.arange(150) % 3, 1.0, 0.0)
    weighted = GMM(3, family, random_state=0, tol=1e-3, **start).fit(IRIS, sample_weight=weight)
    dropped = GMM(3, family, random_state=0, tol=1e-3, **start).fit(IRIS[weight > 0])
    assert weighted.n_iter_ == dropped.n_iter_
    np.testing.assert_allclose(weighted.means_, dropped.means_, rtol=1e-13)
    np.testing.assert_allclose(weighted.covariances_, dropped.covariances_, atol=1e-13)
    assert weighted.score(IRIS) == pytest.approx(dropped.score(IRIS), rel=1e-13)


@pytest.mark.parametrize("factor", [1e-300, 1e-38, 1e38, 1e300])
@pytest.mark.parametrize("family", ["full", "isotropic"])
def test_a_common_factor_of_the_weights_changes_nothing(family, factor):
    weight = 1 + np.arange(150) % 4 / 3
    plain = GMM(3, family, random_state=0, tol=1e-3).fit(IRIS, sample_weight=weight)
    fit = GMM(3, family, random_state=0, tol=1e-3).fit(IRIS, sample_weight=factor * weight)
    assert fit.n_iter_ == plain.n_iter_
    np.testing.assert_allclose(fit.means_, plain.means_, rtol=1e-13)
    assert fit.score(IRIS) == pytest.approx(plain.score(IRIS), rel=1e-12)


def test_weights_from_1e_300_to_1e300_in_one_fit():
    weight = np.geomspace(1e-300, 1e300, 150)
    with pytest.warns(UserWarning, match="tell as much as 1.0 rows of equal weight"):
        fit = GMM(1).fit(IRIS, sample_weight=weight)
    share = weight / weight.max()
    expected = np.average(IRIS, axis=0, weights=share)
    np.testing.assert_allclose(fit.means_[0], expected, rtol=1e-15)
    variance = np.average((IRIS - expected) ** 2, axis=0, weights=share)
    # Of the few rows that count, the other columns are a combination: they are floored.
    assert fit.covariances_[0, 0, 0] == pytest.approx(variance[0], rel=1e-12)


@pytest.mark.parametrize("offset", [0.0, 1.7e9, -4e14, 4e14])
def test_moments_of_rows_far_from_zero(offset):
    """Whole numbers about the offset, which double precision holds exactly."""
    near = np.round(100 * SEEDED.normal(size=(300, 2)))
    fit = GMM(1).fit(offset + near)
    # The mean is known to one rounding of the offset.
    np.testing.assert_allclose(
        fit.means_[0] - offset, near.mean(0), rtol=0, atol=1e-13 + np.spacing(abs(offset))
    )
    np.testing.assert_allclose(fit.covariances_[0], np.cov(near.T, ddof=0), rtol=1e-12, atol=1e-10)


@pytest.mark.parametrize("offset", [1.7e9, -4e14, 4e14])
def test_clusters_of_rows_far_from_zero(offset):
    near = np.round(100 * SEEDED.normal(size=(300, 1)) + np.repeat([[0.0], [3e3]], 150, axis=0))
    fit = GMM(2, random_state=0).fit(offset + near)
    order = fit.means_[:, 0].argsort()
    halves = near.reshape(2, 150)
    np.testing.assert_allclose(
        fit.means_[order, 0] - offset, halves.mean(1), rtol=0, atol=np.spacing(abs(offset))
    )
    np.testing.assert_allclose(fit.covariances_[order, 0, 0], halves.var(1), rtol=1e-12)


def test_one_hot_columns_leave_no_negative_eigenvalue():
    rows = np.eye(40)[SEEDED.integers(0, 40, 400)]
    fit = GMM(20, random_state=0).fit(rows)
    assert np.linalg.eigvalsh(fit.covariances_).min() > 0
    assert np.isfinite(fit.score(rows))

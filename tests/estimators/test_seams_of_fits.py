"""Right values at the seams of fits: columns that never change, weights, sizes of numbers."""

import math

import numpy as np
import pytest
from scipy.special import ndtri

from mdn import GMM, MDNRegressor

NORMAL = ndtri((np.arange(99) + 0.5) / 99)[:, None]
GMM_FAMILIES = ["full", "tied", "diagonal", "isotropic", "shared_isotropic"]


# M3, M7: inputs that never change, and the size of weights, in training.

QUICK = {"num_components": 2, "ensemble_size": 1, "max_epochs": 3, "random_state": 0}
X = np.linspace(-1, 1, 60)[:, None]
Y = np.sin(3 * X[:, 0]) + 0.2 * np.random.default_rng(0).permutation(
    ndtri((np.arange(60) + 0.5) / 60)
)


@pytest.fixture
def regressor(family_name) -> MDNRegressor:
    name = family_name.removesuffix("_precision")
    factor = {"family.factor": "precision"} if family_name.endswith("_precision") else {}
    return MDNRegressor(**QUICK, family=name, settings=factor)


@pytest.mark.filterwarnings("ignore:input 'x1' is .* in every training row")
@pytest.mark.parametrize("constant", [5.0, 0.0, 1.7e9])
def test_an_input_that_never_changed_has_no_influence(regressor, constant):
    fit = regressor.fit(np.hstack([X, np.full_like(X, constant)]), Y)
    before = fit.predict(np.hstack([X, np.full_like(X, constant)]))
    for value in (constant + 1, -3e3, 1e6):
        after = fit.predict(np.hstack([X, np.full_like(X, value)]))
        np.testing.assert_array_equal(after, before)


@pytest.mark.parametrize("factor", [1e-300, 1e-38, 1e38, 1e300])
def test_a_common_factor_of_the_weights_changes_nothing(regressor, factor):
    weight = 1 + np.arange(60) % 3 / 2
    plain = regressor.fit(X, Y, sample_weight=weight).predict(X)
    moved = regressor.fit(X, Y, sample_weight=factor * weight).predict(X)
    np.testing.assert_allclose(moved, plain, rtol=1e-4, atol=1e-5)


# M4 to M6: rows at the ends of what numbers can be.


@pytest.mark.filterwarnings("ignore:one value of column 0 of X is at least")
@pytest.mark.parametrize("absurd", [1e6, 1e9, -1e12])
@pytest.mark.parametrize("family", GMM_FAMILIES)
def test_one_absurd_row_leaves_the_others_their_spread(family, absurd):
    fit = GMM(2, family, random_state=0).fit(np.vstack([NORMAL, [[absurd]]]))
    spread = np.sqrt(np.asarray(fit.covariances_).max())
    assert 0.9 < spread < 1.1
    gaussian = -0.5 * math.log(2 * math.pi * math.e * NORMAL.var())
    assert fit.score(NORMAL) == pytest.approx(gaussian + math.log(0.99), abs=0.05)


@pytest.mark.parametrize("unit", [1e-300, 1e-170, 1e-30, 1e30, 1e150, 1e160, 1e300])
@pytest.mark.parametrize("family", GMM_FAMILIES)
def test_rows_of_any_size_are_fitted_or_refused(family, unit):
    try:
        fit = GMM(1, family).fit(unit * NORMAL)
    except ValueError:
        return
    assert math.isfinite(fit.score(unit * NORMAL))
    assert fit.mixture_.sigma.item() == pytest.approx(unit * NORMAL.std(), rel=1e-9, abs=0)


@pytest.mark.parametrize("std", [1.0, 1e-3, 2e-4, 1e-5])
@pytest.mark.parametrize("family", GMM_FAMILIES)
def test_a_narrow_spread_far_from_zero_is_a_spread(family, std):
    rows = 1.7e9 + std * NORMAL
    held = (rows - 1.7e9).std()
    fit = GMM(1, family).fit(rows)
    assert np.sqrt(np.asarray(fit.covariances_).max()) == pytest.approx(held, rel=1e-6, abs=0)

"""What scikit-learn expects of its estimators, by its own checks and with its own tools."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from mdn import GMM

IRIS = load_iris().data
ESTIMATORS = [GMM(2), GMM(2, method="gradient", max_iter=60, tol=1e-3)]


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@parametrize_with_checks(ESTIMATORS)
def test_checks_of_scikit_learn(estimator, check):
    check(estimator)


def test_grid_search_over_components_and_families():
    search = GridSearchCV(
        GMM(random_state=0, tol=1e-3),
        {"num_components": [1, 3], "family": ["full", "isotropic"]},
        cv=3,
    )
    search.fit(np.random.default_rng(0).permutation(IRIS))
    assert search.best_params_ == {"num_components": 3, "family": "full"}


def test_last_step_of_a_pipeline():
    pipeline = make_pipeline(StandardScaler(), GMM(3, random_state=0)).fit(IRIS)
    assert pipeline.score(IRIS) == pytest.approx(
        GMM(3, random_state=0)
        .fit(StandardScaler().fit_transform(IRIS))
        .score(StandardScaler().fit_transform(IRIS))
    )


def test_clones_have_parameters_and_no_fit():
    fitted = GMM(3, "diagonal", min_scale=1e-2, random_state=0).fit(IRIS)
    copy = clone(fitted)
    assert copy.get_params() == fitted.get_params()
    assert not hasattr(copy, "mixture_")


def test_integers_give_what_floats_give():
    rows = np.round(10 * IRIS).astype(int)
    whole, broken = (GMM(3, random_state=0).fit(r) for r in (rows, rows.astype(float)))
    assert np.array_equal(whole.means_, broken.means_)
    assert whole.score(rows) == broken.score(rows.astype(float))

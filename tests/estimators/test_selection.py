"""The grid over families and numbers of components."""

import numpy as np
import pandas as pd
import pytest
from sklearn.mixture import GaussianMixture as SklearnMixture

import mdn
from mdn import GMM


def three_clusters():
    random = np.random.default_rng(0)
    centres = np.array([[0, 0], [12, 0], [0, 12]])
    return (centres[:, None] + random.normal(0, [1.0, 1.0], (3, 200, 2))).reshape(-1, 2)


def test_finds_what_made_the_rows():
    rows = three_clusters()
    table, best = mdn.select(rows, ["full", "shared_isotropic"], range(1, 5), random_state=0)
    assert (best.family, best.num_components) == ("shared_isotropic", 3)
    assert len(table) == 8
    assert [row["bic"] for row in table] == sorted(row["bic"] for row in table)
    assert table[0]["bic"] == best.bic(rows)


def test_columns_of_a_frame_keep_their_names():
    frame = pd.DataFrame(three_clusters(), columns=["price", "rent"])
    best = mdn.select(frame, "full", 3, random_state=0).best
    assert best.mixture_.target_names == ("price", "rent")
    mean = best.mixture_.marginal("rent").mean.item()
    assert mean == pytest.approx(frame.rent.mean(), rel=1e-6)
    for ask in (best.score, best.predict_proba):
        with pytest.raises(ValueError, match="must be in the same order as they were in fit"):
            ask(frame[["rent", "price"]])
    assert GMM(2).fit(frame.to_numpy()).mixture_.target_names is None


def test_a_fit_goes_on_from_one_with_other_names():
    frame = pd.DataFrame(three_clusters(), columns=["price", "rent"])
    model = GMM(2, warm_start=True, random_state=0).fit(frame)
    assert model.fit(frame.add_prefix("new ")).mixture_.target_names == ("new price", "new rent")
    assert model.fit(frame.to_numpy()).mixture_.target_names is None


def test_weights_may_be_a_series(recwarn):
    rows, weight = three_clusters(), np.random.default_rng(0).uniform(size=600)
    scores = {
        GMM(2, random_state=0).fit(rows, None, kind(weight)).score(rows, None, kind(weight))
        for kind in (list, pd.Series)
    }
    assert len(scores) == 1
    assert not [each for each in recwarn if "writable" in str(each.message)]


def test_criteria_are_those_of_scikit_learn():
    rows = three_clusters()
    table = mdn.select(rows, ["diagonal"], [3], "aic", random_state=0).table
    theirs = SklearnMixture(3, covariance_type="diag", random_state=0, tol=1e-8).fit(rows)
    assert table[0]["aic"] == pytest.approx(theirs.aic(rows), abs=1e-2)
    assert table[0]["bic"] == pytest.approx(theirs.bic(rows), abs=1e-2)
    assert table[0]["num_parameters"] == 2 + 6 + 6


def test_rows_of_the_table_are_fits_of_the_estimator():
    rows = three_clusters()
    row = mdn.select(rows, ["isotropic"], [2], random_state=3).table[0]
    alone = GMM(2, "isotropic", random_state=3).fit(rows)
    assert row["score"] == alone.score(rows)


def test_one_family_and_one_number_need_no_list():
    (row,) = mdn.select(three_clusters(), "isotropic", 2, random_state=0).table
    assert (row["family"], row["num_components"]) == ("isotropic", 2)


@pytest.mark.parametrize(("rows", "most"), [(4, 4), (12, 10)])
def test_there_are_at_most_ten_components_and_one_a_row(rows, most):
    table = mdn.select(three_clusters()[::50][:rows].tolist(), "isotropic", random_state=0).table
    assert sorted(row["num_components"] for row in table) == list(range(1, most + 1))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"criterion": "mdl"}, r"criterion must be one of \['bic', 'aic'\], got 'mdl'"),
        ({"families": []}, "nothing to select from"),
        ({"families": ["round"]}, "family must be one of"),
    ],
)
def test_errors_say_what_was_wrong(arguments, message):
    with pytest.raises(ValueError, match=message):
        mdn.select(three_clusters(), **arguments)

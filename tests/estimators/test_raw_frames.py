"""A regressor takes a frame as it comes, and rows of numbers with gaps."""

import numpy as np
import pandas as pd
import pytest

from mdn.estimators.regressor import MDNRegressor

QUICK = {"num_components": 2, "ensemble_size": 1, "max_epochs": 2, "random_state": 0}
ROWS = 120


@pytest.fixture(scope="module")
def raw():
    """A frame of numbers, text, dates, truth values and row names, with gaps; and targets."""
    random = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "Unnamed: 0": range(ROWS),
            "size": random.normal(size=ROWS),
            "city": random.choice(["Berlin", "Oslo", "Ulm"], ROWS),
            "day": pd.date_range("2024-01-01", periods=ROWS),
            "new": random.choice([True, False], ROWS),
        }
    )
    frame.loc[::9, "size"] = np.nan
    frame.loc[::11, "city"] = None
    return frame, pd.Series(random.normal(size=ROWS), name="rent")


@pytest.fixture(scope="module")
def fitted(raw):
    return MDNRegressor(**QUICK).fit(*raw)


def test_every_column_gets_its_kind(raw, fitted):
    assert list(fitted.feature_names_in_) == list(raw[0])
    assert fitted.n_features_in_ == 5
    card = fitted.module_.card
    assert card.inputs == ["size", "city", "day", "new"]
    assert [kind["kind"] for kind in card.kinds] == ["number", "category", "time", "boolean"]
    assert [kind["missing"] for kind in card.kinds] == [True, True, False, False]
    assert card.targets == ["rent"]


def test_columns_may_be_in_any_order(raw, fitted):
    frame, y = raw
    turned = frame[[*reversed(frame.columns)]]
    np.testing.assert_array_equal(fitted.predict(turned), fitted.predict(frame))
    assert fitted.score(turned, y) == fitted.score(frame, y)
    more = turned.assign(other="text")
    np.testing.assert_array_equal(fitted.predict(more), fitted.predict(frame))
    with pytest.raises(ValueError, match=r"missing:\n- city"):
        fitted.predict(frame.drop(columns="city"))


def test_polars_gives_what_pandas_gives(raw, fitted):
    polars = pytest.importorskip("polars")
    frame, y = raw
    other = MDNRegressor(**QUICK).fit(polars.from_pandas(frame), y.to_numpy())
    np.testing.assert_array_equal(other.predict(frame), fitted.predict(frame))


def test_weights_of_raw_rows_count(raw):
    frame, y = raw
    weight = np.r_[np.ones(ROWS - 20), np.zeros(20)]
    weighted = MDNRegressor(**QUICK).fit(frame, y, weight)
    fewer = MDNRegressor(**QUICK).fit(frame[:-20], y[:-20], weight[:-20])
    np.testing.assert_array_equal(weighted.predict(frame), fewer.predict(frame))


def test_rows_of_numbers_are_no_text(raw, fitted):
    with (
        pytest.warns(UserWarning, match="valid feature names"),
        pytest.raises(ValueError, match=r"text or dates in \['city', 'day'\].*give a frame"),
    ):
        fitted.predict(np.zeros((2, 5)))
    for text in (raw[0].to_numpy(), np.array([["a"], ["b"]]), [["a"], ["b"]]):
        with pytest.raises(ValueError, match=r"X holds text .*give a frame whose columns have"):
            MDNRegressor(**QUICK).fit(text, np.zeros(len(text)))


def test_numbers_of_an_array_may_be_missing():
    random = np.random.default_rng(0)
    x, y = random.normal(size=(ROWS, 2)), random.normal(size=ROWS)
    x[::5, 0] = np.nan
    model = MDNRegressor(**QUICK).fit(x, y)
    assert [kind["missing"] for kind in model.module_.card.kinds] == [True, False]
    assert np.isfinite(model.predict(x)).all()
    for fit in (lambda: model.predict(x + np.inf), lambda: MDNRegressor().fit(x + np.inf, y)):
        with pytest.raises(ValueError, match="infinity"):
            fit()


def test_numbers_of_a_frame_are_what_they_are_in_an_array():
    random = np.random.default_rng(0)
    x, y = random.normal(size=(60, 2)), random.normal(size=60)
    named = MDNRegressor(**QUICK).fit(pd.DataFrame(x, columns=["a", "b"]), y)
    plain = MDNRegressor(**QUICK).fit(x, y)
    frame = pd.DataFrame(x, columns=["a", "b"])
    np.testing.assert_array_equal(named.predict(frame), plain.predict(x))

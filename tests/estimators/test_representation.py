"""Estimators are shown as scikit-learn shows its own; their answers know the rows of a frame."""

import numpy as np
import pandas
import pytest
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from mdn import GMM, MDNRegressor


@pytest.mark.parametrize("estimator", [GMM(2, "tied"), MDNRegressor(max_epochs=3)])
def test_a_notebook_shows_the_settings(estimator):
    page = make_pipeline(StandardScaler(), estimator)._repr_html_()
    assert type(estimator).__name__ in page
    assert "sk-container" in estimator._repr_html_()
    assert repr(GMM(2, "tied")) == "GMM(family='tied', num_components=2)"


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_densities_have_the_index_of_the_rows():
    X = pandas.DataFrame({"age": np.linspace(0, 1, 40)}, index=[f"r{i}" for i in range(40)])
    y = 3 * X["age"].rename("price")
    fitted = MDNRegressor(max_epochs=1, ensemble_size=1, num_components=1).fit(X, y)
    found = fitted.predict_density(X.iloc[3:5]).to_frame()
    assert list(found.index) == ["r3", "r4"]
    assert list(found.columns)[:2] == ["mean_price", "std_price"]

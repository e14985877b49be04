"""A model that is worse than no model, and scores of few rows, are said to be that."""

import math

import pytest

from mdn.report.page import Page, render
from mdn.report.remarks import remarks

GOOD = {"test/nll": 1.0, "test/marginal_nll": 2.0}
MANY = {"val": 10, "test": 10}


def test_nothing_is_said_where_all_is_well():
    assert remarks(GOOD, MANY) == remarks(GOOD, {}) == remarks({}, MANY) == []


@pytest.mark.parametrize("nll", [20.5, 13.4, math.nan, math.inf])
def test_a_model_that_one_gaussian_beats_is_named(nll):
    (said,) = remarks({"test/nll": nll, "test/marginal_nll": 13.4}, MANY)
    assert said.startswith("The model is no better than one Gaussian that ignores the inputs")
    assert f"{nll:.4g} nats per test row, and 13.4 of the Gaussian" in said


def test_few_rows_are_counted():
    val, test = remarks(GOOD, {"val": 2, "test": 1})
    assert "validation part has 2 rows, too few" in val
    assert "means over 1 row:" in test


def test_means_beyond_nearly_all_of_a_density_are_counted():
    assert remarks(GOOD | {"test/mean_far_out": 0.0}, MANY) == []
    (said,) = remarks(GOOD | {"test/mean_far_out/a": 0.0, "test/mean_far_out/b": 0.03}, MANY)
    assert said.startswith("In 3 % of the test rows the predicted mean lies beyond 99.9 %")


def test_the_page_says_them_above_everything_else():
    page = Page("p(y)", "scored", {}, [], [], {}, ["Worse & worse."])
    html = render(page)
    assert 0 < html.index("Worse &amp; worse.") < html.index("Scores</a>")
    assert "remark" not in html.replace('remark"><strong>Worse', "")

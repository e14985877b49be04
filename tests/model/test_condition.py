"""Predictions given some of the targets: numbers, arrays and columns of the frame."""

import numpy as np
import pandas
import polars
import pytest
import torch
from checkpoints import rows, untrained

NAMES = ["x0", "x1", "x2"]


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    return untrained("model.num_components=2", num_targets=3)


@pytest.fixture(scope="module")
def frame():
    torch.manual_seed(1)
    prices = {"price": [490.0, 500, 510, 520], "deal": [3.0, 3.1, 2.9, 3.3]}
    return pandas.DataFrame(rows(4).numpy(), columns=NAMES, index=list("abcd")).assign(**prices)


@pytest.mark.parametrize(
    "price",
    [
        "price",
        [490.0, 500, 510, 520],
        np.array([490.0, 500, 510, 520]),
        polars.Series([490.0, 500, 510, 520]),
    ],
)
def test_it_is_the_prediction_given_the_values(model, frame, price):
    expected = model.predict(frame).condition(["y0"], frame[["price"]].to_numpy())
    found = model.condition(frame, {"y0": price})
    assert found.target_names == ("y1", "y2")
    torch.testing.assert_close(found.mean, expected.mean)
    torch.testing.assert_close(found.covariance, expected.covariance)
    assert list(found.to_frame().index) == list("abcd")


def test_one_number_is_for_all_rows(model, frame):
    found = model.condition(frame, {"y0": 500.0, "y1": "deal"})
    expected = model.condition(frame, {"y0": [500.0] * 4, "y1": frame["deal"]})
    torch.testing.assert_close(found.mean, expected.mean)
    assert found.probability_above(-40).shape == (4,)


def test_rows_of_numbers_take_numbers(model, frame):
    x = frame[NAMES].to_numpy()
    torch.testing.assert_close(
        model.condition(x, {"y0": 3.0}).mean, model.condition(frame, {"y0": 3.0}).mean
    )
    with pytest.raises(ValueError, match="column 'price' of a frame, and the rows are a ndarray"):
        model.condition(x, {"y0": "price"})


def test_a_row_without_the_value_has_no_answer(model, frame):
    gap = polars.DataFrame(frame.reset_index(drop=True).to_dict("list")).with_columns(
        price=polars.Series([490.0, None, 510, 520])
    )
    found = model.condition(gap, {"y0": "price"})
    assert found.mean.isnan().all(-1).tolist() == [False, True, False, False]


def test_what_cannot_be_answered_is_refused(model, frame):
    with pytest.raises(ValueError, match=r"'prise', which the frame lacks; .*mean 'price'\?"):
        model.condition(frame, {"y0": "prise"})
    with pytest.raises(ValueError, match="no target 'y9'"):
        model.condition(frame, {"y9": 1.0})
    with pytest.raises(ValueError, match="no target is left"):
        model.condition(frame, {"y0": 1.0, "y1": 1.0, "y2": 1.0})
    with pytest.raises(ValueError, match="rows of shape"):
        model.condition(frame, {"y0": [1.0, 2.0, 3.0], "y1": 1.0})
    with pytest.raises(TypeError, match=r"by their names, as in .* got a list"):
        model.condition(frame, ["y0"])
    with pytest.raises(TypeError, match="values must be real numbers"):
        model.condition(frame.assign(word="dear"), {"y0": "word"})

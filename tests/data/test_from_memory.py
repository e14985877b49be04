"""Tables from frames and arrays, and what is refused by the name of its argument."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import torch

from mdn.data.files import read_table
from mdn.data.from_memory import table_of_arrays
from mdn.data.table import Table

COLUMNS = {
    "size": [1, 2, 3, 4],
    "city": ["a", "b", "c", "d"],
    "price": [0.5, 1.5, 2.5, 4.0],
    "new": [True, False, True, True],
    "w": [2.0, 0.0, 1.0, 4.0],
}
FRAMES = {"pandas": pd.DataFrame, "pyarrow": pa.table}


@pytest.fixture(params=["pandas", "pyarrow", "polars"])
def frame(request):
    if request.param == "polars":
        return pytest.importorskip("polars").DataFrame(COLUMNS)
    return FRAMES[request.param](COLUMNS)


def test_columns_of_a_frame_are_taken_by_name(frame):
    table = Table.from_frame(frame, targets="price", inputs=["new", "size"], weight="w")
    assert table.x.tolist() == [[1, 1], [1, 3], [1, 4]]
    assert table.y.tolist() == [[0.5], [2.5], [4]]
    assert table.weight is not None
    assert table.weight.tolist() == [0.5, 0.25, 1]
    assert (table.input_names, table.target_names) == (["new", "size"], ["price"])


def test_inputs_are_all_the_rest(tmp_path):
    frame = pd.DataFrame(COLUMNS).drop(columns="city")
    frame.to_csv(tmp_path / "a.csv", index=False)
    one, _ = read_table(tmp_path / "a.csv", -2, None, "w")
    other = Table.from_frame(frame, -2, weight="w")
    assert one.input_names == other.input_names == ["size", "price"]
    for a, b in zip(one.tensors, other.tensors, strict=True):
        assert torch.equal(a, b)
    assert Table.from_frame(frame, "price", []).x.shape == (4, 0)


OF_FRAMES = {
    "several misspelt": (
        {"targets": ["prise", "total"]},
        r"frame has no columns 'prise' \(did you mean 'price'\?\), 'total'; it has 'size', 'city'",
    ),
    "misspelt": ({"targets": "prise"}, r"frame has no column 'prise' \(did you mean 'price'\?\)"),
    "no target": ({"targets": []}, "`targets` names no column"),
    "twice": ({"targets": "price", "inputs": "price"}, "'price' is asked for twice"),
    "text": (
        {"targets": "city"},
        r"target 'city' is text \('a', 'b', 'c', 'd'\).*a classification.*numbers are in",
    ),
    "weights": ({"targets": "size", "inputs": [], "weight": "below"}, "weights must be 0 or more"),
    "dates": ({"targets": "day", "inputs": []}, "target 'day' holds dates or times"),
    "mixed": ({"targets": "mixed", "inputs": []}, "row 2: column 'mixed' holds 'a', not a number"),
    "no kind": ({"targets": "price", "kinds": {"size": "cat"}}, "`kinds` says 'cat' of column 'si"),
    "kind of nothing": (
        {"targets": "price", "kinds": {"sise": "category"}},
        r"no column 'sise' \(did you mean 'size'\?\) that `kinds` could tell of",
    ),
    "a pattern of nothing": ({"targets": "price", "exclude": "temp*"}, "no column 'temp\\*'"),
    "no expression": ({"targets": "price", "exclude": "re:("}, "no regular expression"),
    "huge": ({"targets": "huge", "inputs": []}, r"'huge' has 1 value that is beyond 1e\+30"),
}


@pytest.mark.parametrize("case", OF_FRAMES)
def test_what_a_frame_lacks_is_refused(case):
    settings, message = OF_FRAMES[case]
    frame = pd.DataFrame(COLUMNS).assign(
        below=-1.0,
        gap=[1.0, np.nan, 2.0, 3.0],
        day=pd.Timestamp("2024-01-01"),
        mixed=pd.Series([1, "a", None, 2.0], dtype=object),
        huge=[1e39, 1.0, 2.0, 3.0],
    )
    with pytest.raises(ValueError, match=message):
        Table.from_frame(frame, **settings)


def test_what_is_no_frame_is_refused():
    with pytest.raises(TypeError, match="frame must be a frame with named columns, got ndarray"):
        Table.from_frame(np.zeros((2, 2)), 0)
    with pytest.raises(ValueError, match="the frame has no rows"):
        Table.from_frame(pd.DataFrame({"y": []}), "y")
    with pytest.raises(ValueError, match="unique column names, got:\n- 'y' 2 times"):
        Table.from_frame(pd.DataFrame([[1, 2]], columns=["y", "y"]), "y")
    with pytest.raises(ValueError, match="frame: more than one column is named '1'"):
        Table.from_frame(pd.DataFrame([[1, 2]], columns=["1", 1]), "1")
    lazy = pytest.importorskip("polars").LazyFrame(COLUMNS)
    with pytest.raises(TypeError, match=r"LazyFrame.*collect"):
        Table.from_frame(lazy, "price")


X, Y = np.arange(8.0).reshape(4, 2), np.arange(4)


@pytest.mark.parametrize("kind", [np.asarray, torch.tensor, lambda values: values.tolist()])
def test_arrays_get_names(kind):
    table = Table.from_arrays(kind(X), kind(Y), weight=kind(np.array([1, 0, 2, 4])))
    assert (table.x.tolist(), table.y.tolist()) == (X[[0, 2, 3]].tolist(), [[0], [2], [3]])
    assert (table.input_names, table.target_names) == (["x0", "x1"], ["y0"])
    assert table.tensors[2].tolist() == [0.25, 0.5, 1]


def test_names_are_given_and_inputs_may_be_one_or_none():
    table = Table.from_arrays(Y, X, input_names=["a"], target_names=["b", "c"])
    assert (table.x.shape, table.y.shape) == ((4, 1), (4, 2))
    assert (table.input_names, table.target_names) == (["a"], ["b", "c"])
    assert Table.from_arrays(None, Y).x.shape == (4, 0)


OF_ARRAYS = {
    "lengths": ((X, Y[:3]), {}, "X has 4 rows and y 3"),
    "weights": ((X, Y), {"weight": [1, 2]}, "weight has 2 rows and y 4"),
    "negative weights": ((X, Y), {"weight": -Y}, "weights must be 0 or more"),
    "infinite": ((X, [0, 1, np.inf, 2]), {}, "y must be finite.*got inf in row 2, column 0"),
    "huge": (([1e31, 1, 2, 3], Y), {}, r"X must be finite.* up to 1e\+30, got 1e\+31 in row 0"),
    "text": ((X, list("abcd")), {}, "y must be rows of numbers; got list"),
    "complex": ((X + 1j, Y), {}, "X must be rows of numbers; got ndarray|X must be real"),
    "cube": ((np.zeros((4, 2, 2)), Y), {}, r"X must be rows of numbers.*got \(4, 2, 2\)"),
    "no rows": (([], []), {}, r"y must be rows of numbers, at least one, got \(0, 1\)"),
    "two weights a row": ((X, Y), {"weight": X}, r"one number for each row, got shape \(4, 2\)"),
    "names": ((X, Y), {"input_names": ["a"]}, "1 names, .* for 2 columns of x"),
    "one name": ((X, Y), {"input_names": ["a", "b"], "target_names": ["b"]}, "is named 'b'"),
}


@pytest.mark.parametrize("case", OF_ARRAYS)
def test_arrays_that_do_not_fit_are_refused(case):
    arrays, names, message = OF_ARRAYS[case]
    with pytest.raises(ValueError, match=message):
        Table.from_arrays(*arrays, **names)


@pytest.mark.parametrize("names", [[1, 2], 5, "ab"])
def test_names_are_a_list_of_text(names):
    with pytest.raises(TypeError, match="input_names must be a list of text, got"):
        table_of_arrays(X, Y, None, names, None)
    named = table_of_arrays(X, Y, None, pd.Index(["a", "b"]), np.array(["c"]))
    assert (named.input_names, named.target_names) == (["a", "b"], ["c"])
    assert type(named.target_names[0]) is str


@pytest.mark.parametrize("kind", [list, tuple, pd.Series, torch.tensor])
def test_weights_of_every_kind(kind):
    weight = Table.from_arrays(X, Y, weight=kind([1.0, 2.0, 4.0, 0.0])).weight
    assert weight is not None
    assert weight.tolist() == [0.25, 0.5, 1]

"""Arrays, tensors and frames give the same inputs, and what is no input is refused."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import torch
from checkpoints import rows, untrained

from mdn.data.frames import input_matrix
from mdn.data.table import Table

X = np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
NAMES = ["a", "b"]
COLUMNS = {"text": ["x", "y", "z"], "b": X[:, 1], "a": X[:, 0].astype(int)}


@pytest.mark.parametrize(
    "data",
    [X, X.astype("float32"), X.tolist(), torch.tensor(X, requires_grad=True), pd.DataFrame(COLUMNS),
     pa.table(COLUMNS)],
    ids=["numpy", "float32", "list", "tensor", "pandas", "pyarrow"],
)  # fmt: skip
def test_every_kind_gives_the_columns_in_the_order_of_the_names(data):
    found = input_matrix(data, NAMES)
    torch.testing.assert_close(found, torch.tensor(X))


def test_polars_frames():
    polars = pytest.importorskip("polars")
    torch.testing.assert_close(input_matrix(polars.DataFrame(COLUMNS), NAMES), torch.tensor(X))


def test_labels_that_are_numbers_are_names_as_text():
    frame = pd.DataFrame(X)
    table = Table.from_frame(frame, targets=[1])
    assert (table.input_names, table.target_names) == (["0"], ["1"])
    torch.testing.assert_close(input_matrix(frame, ["1", "0"]), torch.tensor(X[:, ::-1].copy()))
    with pytest.raises(ValueError, match="frame: more than one column is named '1'"):
        input_matrix(pd.DataFrame(X, columns=["1", 1]), ["1"])


MISTAKES = {
    "missing column": (pd.DataFrame({"a": [1.0]}), r"lacks \['b'\]"),
    "text": (pd.DataFrame({"a": ["u"], "b": ["v"]}), "'a' holds 'u', not a number.*\n.*'b' holds"),
    "width": (X[:, :1], r"rows of 2 numbers.*got shape \(3, 1\)"),
    "one row without its axis": (X[0], r"got shape \(2,\)"),
    "infinite": (np.array([[1.0, 2], [3, np.inf]]), "got inf in row 1 of 'b'"),
    "infinite in a frame": (pd.DataFrame({"a": [1.0, np.inf], "b": 1.0}), "'a' has 1 value.*row 2"),
}


@pytest.mark.parametrize("case", MISTAKES)
def test_mistakes(case):
    data, message = MISTAKES[case]
    with pytest.raises(ValueError, match=message):
        input_matrix(data, NAMES)


def test_a_model_predicts_for_a_frame_in_the_units_of_its_targets():
    module = untrained("model.num_components=2")
    x = rows(5)
    frame = pd.DataFrame(x.numpy(), columns=["x0", "x1", "x2"])[["x2", "x0", "x1"]]
    mixture = module.predict(frame)
    assert not mixture.mu.requires_grad
    torch.testing.assert_close(mixture.mean, module(x).mean.detach(), rtol=1e-12, atol=0)
    assert mixture.mean.mean() == pytest.approx(500, abs=300)


@pytest.mark.parametrize(
    ("rows", "wanted"),
    {
        "text": ([["1", "2"]], "must be a frame or rows of 2 numbers"),
        "complex": (np.ones((1, 2)) * 1j, "must be real numbers, got torch.complex128"),
        "complex tensor": (torch.ones(1, 2) * 1j, "must be real numbers, got torch.complex64"),
        "ragged": ([[1, 2], [3]], "got list"),
        "dictionary": ({"a": [1.0], "b": [2.0]}, "got dict"),
    }.values(),
)
def test_what_is_not_rows_of_numbers_is_refused(rows, wanted):
    with pytest.raises(ValueError, match=wanted):
        input_matrix(rows, ["a", "b"])


def test_a_lazy_frame_is_refused():
    polars = pytest.importorskip("polars")
    with pytest.raises(TypeError, match=r"got a LazyFrame, .* call its collect\(\) first"):
        input_matrix(polars.DataFrame(COLUMNS).lazy(), NAMES)

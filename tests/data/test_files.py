"""Files that are read, and every way in which one is refused."""

import datetime
import decimal
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from mdn.data.files import read_table
from mdn.data.table import Table
from mdn.data.training_rows import check_training_rows
from mdn.networks.kinds import Category, Number, Time

BODY = "".join(f"{i},{i * i % 7}\n" for i in range(10))
SHARED = Path(__file__).parents[3] / "shared" / "data"


@pytest.fixture
def write(tmp_path):
    def write(name: str, content: str | bytes) -> Path:
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


def read(path, targets=("y",), inputs=None, weight=None) -> Table:
    return read_table(path, targets, inputs, weight)[0]


def test_csv(write):
    table = read(write("a.csv", "a,y,b\n1,2,3\n4.5,-5e1,6\n"))
    assert table.x.tolist() == [[1, 3], [4.5, 6]]
    assert table.y.tolist() == [[2], [-50]]
    assert table.weight is None
    assert (table.input_names, table.target_names) == (["a", "b"], ["y"])


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_csv_delimiters(write, delimiter):
    table = read(write("a.csv", "x,y\n1,2\n3,4\n".replace(",", delimiter)))
    assert table.x.tolist() == [[1], [3]]


@pytest.mark.parametrize(
    "content",
    [
        b"\xef\xbb\xbfx,y\n1,2\n3,4\n",
        b"x,y\r\n1,2\r\n3,4\r\n",
        b"\n\n x , y \n1, 2\n\n3,4\n\n",
        b'"x","y"\n"1","2"\n"3","4"',
    ],
    ids=["byte-order-mark", "windows", "blank-lines", "quotes"],
)
def test_csv_dialects(write, content):
    table = read(write("a.CSV", content))
    assert (table.x.tolist(), table.y.tolist()) == ([[1], [3]], [[2], [4]])


def test_booleans_are_zero_and_one(write):
    table = read(write("a.csv", "x,y\ntrue,1\nFalse,2\n"))
    assert table.x.tolist() == [[1], [0]]


def test_columns_by_position(write):
    path = write("a.csv", "a,b,c\n1,2,3\n4,5,6\n")
    table, chosen = read_table(path, [-1], [0], 1)
    assert (chosen.inputs, chosen.targets, chosen.weight) == (["a"], ["c"], "b")
    assert table.weight.tolist() == [2 / 5, 1]
    assert read(path, 1).target_names == ["b"]


def test_columns_by_name_come_in_the_order_asked_for(write):
    table = read(write("a.csv", "a,b,c\n1,2,3\n4,5,6\n"), ["c", "a"], "b")
    assert table.y.tolist() == [[3, 1], [6, 4]]
    assert table.x.tolist() == [[2], [5]]


def test_no_inputs(write):
    assert read(write("a.csv", "x,y\n" + BODY), inputs=[]).x.shape == (10, 0)


def test_weights_are_not_inputs_and_rows_without_weight_do_not_count(write):
    table = read(write("a.csv", "x,y,w\n1,2,3\n4,5,0\n"), weight="w")
    assert (table.input_names, table.weight.tolist()) == (["x"], [1])


def test_text_in_a_column_that_is_not_asked_for(write):
    path = write("a.csv", "x,city,y\n1,Köln,2\n2,Oslo,4\n")
    assert read(path, inputs=["x"]).x.tolist() == [[1], [2]]


def test_parquet(tmp_path):
    frame = pd.DataFrame({"x": np.arange(4.0), "flag": [True, False] * 2, "y": [2, 4, 8, 16]})
    frame.sample(frac=1, random_state=0).to_parquet(tmp_path / "a.parquet")
    table = read(tmp_path / "a.parquet")
    assert table.input_names == ["x", "flag"]
    assert torch.equal(2 ** (table.x[:, 0] + 1), table.y[:, 0])


def test_npz_with_one_array_per_column(tmp_path):
    np.savez(tmp_path / "a.npz", a=np.arange(3), y=np.arange(3.0) + 1)
    assert read(tmp_path / "a.npz").x.tolist() == [[0], [1], [2]]


def test_npz_with_matrices(tmp_path):
    x, y = np.random.default_rng(0).normal(size=(2, 5, 2))
    np.savez(tmp_path / "a.npz", x=x, y=y)
    table = read(tmp_path / "a.npz", ["y0", "y1"])
    assert table.input_names == ["x0", "x1"]
    np.testing.assert_array_equal(table.x, x)
    np.testing.assert_array_equal(table.y, y)


def test_whole_numbers_keep_their_digits(write):
    path = write("a.csv", f"y\n{2**24 + 1}\n{2**53}\n")
    assert read(path).y[:, 0].tolist() == [2**24 + 1, 2**53]


def test_columns_come_in_the_order_asked_for(write):
    table = read(write("a.csv", "a,b\n1,2\n3,4\n"), ["b", "a"], inputs=[])
    assert table.y.tolist() == [[2, 1], [4, 3]]
    assert table.target_names == ["b", "a"]
    assert table.x.shape == (2, 0)


NOT_FILES = {
    "empty": ("a.csv", "", "is empty"),
    "blank": ("a.csv", "\n\n", "only blank lines"),
    "header only": ("a.csv", "x,y\n", "column names and no rows"),
    "unknown ending": ("a.xlsx", "x,y\n1,2\n", r"must be one of \.csv, .*packed: \.gz"),
    "no ending": ("a", "x,y\n1,2\n", r"must be one of"),
    "parquet named csv": ("a.csv", b"PAR1\x15\x04", "is a Parquet file"),
    "excel named csv": ("a.csv", b"PK\x03\x04\x14", "not a whole ZIP file"),
    "gzip named csv": ("a.csv", b"\x1f\x8b\x08", "cut short or damaged"),
    "csv named parquet": ("a.parquet", "x,y\n1,2\n", "not a whole Parquet file"),
    "csv named npz": ("a.npz", "x,y\n1,2\n", "not a whole NPZ file"),
    "latin-1 later": (
        "a.csv",
        ("x,y\n" + BODY * 2000 + "é,2\n").encode("latin-1"),
        "line 20002: column 'x' holds 'é'",
    ),
    "too few values": (
        "a.csv",
        "x,y\n" + BODY + "3\n",
        "line 12: 1 value where the header names 2",
    ),
    "too many values": (
        "a.csv",
        "x,y\n1,2\n\n3,4,5\n",
        "line 4: 3 values where the header names 2",
    ),
    "no header": ("a.csv", BODY, "first line holds numbers"),
    "two of a name": ("a.csv", "x, x,y\n1,2,3\n", "more than one column named 'x'"),
}

NOT_NUMBERS = {
    "text": ("x,y\n" + BODY + "\nfoo,1\n", "line 13: column 'x' holds 'foo', not a number"),
    "infinite": ("x,y\n-inf,2\n1,3\n", "'x' has 1 value that is .*infinite.*first in line 2"),
    "overflow": ("x,y\n1e400,2\n1,3\n", "'x' has 1 value that is .*infinite"),
    "huge": ("x,y\n1,2\n1e39,3\n", r"'x' has 1 value that is beyond 1e\+30.*line 3"),
}


@pytest.mark.parametrize("case", NOT_FILES)
def test_what_is_not_a_file_of_columns_is_refused(write, case):
    name, content, message = NOT_FILES[case]
    with pytest.raises(ValueError, match=message):
        read(write(name, content))


@pytest.mark.parametrize("case", NOT_NUMBERS)
def test_what_is_not_a_number_is_refused(write, case):
    content, message = NOT_NUMBERS[case]
    with pytest.raises(ValueError, match=message):
        read(write("a.csv", content))


def test_missing_file_and_folder(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"there is no file .*none\.csv"):
        read(tmp_path / "none.csv")
    with pytest.raises(ValueError, match="is a folder"):
        read(tmp_path)


ARRAYS = {
    "objects": (np.array([1, "a"], dtype=object), "Object arrays"),
    "complex": (np.array([1j, 2]), "something other than columns of numbers"),
    "cube": (np.zeros((2, 2, 2)), "3 dimensions"),
    "length": (np.arange(3), "differ in length: {'a': 3, 'y': 2}"),
    "clash": (np.zeros((2, 1)), "more than one column named 'a0'"),
}


@pytest.mark.parametrize("case", ARRAYS)
def test_arrays_that_are_not_columns_are_refused(tmp_path, case):
    array, message = ARRAYS[case]
    np.savez(tmp_path / "a.npz", a=array, a0=np.arange(2), y=np.arange(2))
    if case != "clash":
        np.savez(tmp_path / "a.npz", a=array, y=np.arange(2))
    with pytest.raises(ValueError, match=message):
        read(tmp_path / "a.npz")


def test_columns_of_every_type_in_parquet(tmp_path):
    frame = pd.DataFrame(
        {
            "text": ["q", "r", None] * 5,
            "categories": pd.Categorical(["q", "r", "q"] * 5),
            "as text": ["1", "2.5", "?"] * 5,
            "day": [datetime.date(1970, 1, 2), None, datetime.date(1970, 1, 3)] * 5,
            "moment": pd.to_datetime(["1970-01-01 00:00:01.5"] * 15, utc=True),
            "span": pd.to_timedelta([90] * 15, unit="s"),
            "gap": [1.0, None, 2.0] * 5,
            "cents": [decimal.Decimal("1.25")] * 15,
            "lists": [[1], [2], [3]] * 5,
            "y": range(15),
        }
    )
    frame.to_parquet(tmp_path / "a.parquet")
    table = read(tmp_path / "a.parquet")
    columns = dict(zip(table.input_names, table.x.T, strict=True))
    found = {name: column.nan_to_num(nan=-1)[:3].tolist() for name, column in columns.items()}
    assert found == {
        "text": [0, 1, -1],
        "categories": [0, 1, 0],
        "as text": [1, 2.5, -1],
        "day": [86_400, -1, 2 * 86_400],
        "moment": [1.5] * 3,
        "span": [90] * 3,
        "gap": [1, -1, 2],
        "cents": [1.25] * 3,
    }
    assert table.reading.left_out == {"lists": "of type list<element: int64>"}
    kinds = {type(kind) for kind in table.kinds}
    assert kinds == {Number, Category, Time}


@pytest.mark.parametrize("inputs", [["lists"], None])
def test_a_column_of_no_use_is_refused_only_where_it_is_named(tmp_path, inputs):
    pd.DataFrame({"lists": [[1], [2]], "x": [1, 2], "y": [1, 2]}).to_parquet(tmp_path / "a.parquet")
    if inputs is None:
        assert read(tmp_path / "a.parquet").input_names == ["x"]
        return
    with pytest.raises(ValueError, match=r"column 'lists' is of type list.*no input can be made"):
        read(tmp_path / "a.parquet", inputs=inputs)


def test_all_faults_of_a_file_are_named_at_once(write):
    content = "x,z,y\n" + "".join(f"{i},{i},{i}\n" for i in range(20)) + "foo,inf,bar\n"
    with pytest.raises(ValueError, match="no column") as caught:
        read(write("a.csv", content), ["y", "w"], ["q", "x"])
    assert len(str(caught.value).splitlines()) == 2
    with pytest.raises(ValueError, match="not a number") as caught:
        read(write("a.csv", content))
    said = str(caught.value).splitlines()
    assert [re.search(r"column '\w'|target '\w'", line)[0][-2] for line in said] == ["x", "z", "y"]


def test_cut_parquet_is_refused(tmp_path):
    path = tmp_path / "a.parquet"
    pd.DataFrame({"y": range(100)}).to_parquet(path)
    path.write_bytes(path.read_bytes()[:-50])
    with pytest.raises(ValueError, match="not a whole Parquet file"):
        read(path)


CHOICES = {
    "misspelt": ({"targets": ["prise"]}, r"no column 'prise' \(did you mean 'price'\?\); it has"),
    "absent": ({"targets": ["qqq"]}, "no column 'qqq'; it has 'size', 'price', 'w'"),
    "position": ({"targets": [3]}, "no column 3; it has"),
    "negative position": ({"targets": [-4]}, "no column -4; it has"),
    "no target": ({"targets": []}, "`targets` names no column"),
    "target is input": ({"targets": [1], "inputs": ["price"]}, "'price' is asked for twice"),
    "target is weight": ({"targets": [1], "weight": "price"}, "'price' is asked for twice"),
    "input twice": ({"targets": [1], "inputs": ["size", 0]}, "'size' is asked for twice"),
    "negative weight": (
        {"targets": [1], "weight": "w"},
        "weights must be 0 or more.*smallest is -1",
    ),
}


@pytest.mark.parametrize("case", CHOICES)
def test_choices_of_columns_that_are_refused(write, case):
    choice, message = CHOICES[case]
    with pytest.raises(ValueError, match=message):
        read(write("a.csv", "size,price,w\n1,2,3\n4,5,-1\n"), **choice)


def test_what_cannot_be_learnt_is_refused(write):
    learnable = read(write("a.csv", "x,z,y\n1,1,1\n2,2,5\n3,4,3\n"))
    check_training_rows(learnable, "a.csv")
    with pytest.raises(ValueError, match="rows to train on: 1; at least 2"):
        check_training_rows(learnable[:1], "a.csv")
    with pytest.raises(ValueError, match="target 'y' is 4 in every"):
        check_training_rows(read(write("a.csv", "x,y\n1,4\n2,4\n")), "a.csv")
    with pytest.raises(ValueError, match="input 'z' equals target 'y'"):
        check_training_rows(read(write("a.csv", "x,z,y\n1,2,2\n2,3,3.0\n")), "a.csv")


@pytest.mark.skipif(not SHARED.exists(), reason="the shared data sets are not there")
@pytest.mark.parametrize(
    ("name", "targets", "shape"),
    [("multitarget/enb", ["y0", "y1"], (768, 8)), ("uci/kin8nm", "y", (8192, 8))],
)
def test_real_files_agree_with_pandas(name, targets, shape):
    path = SHARED / f"{name}.csv"
    table, frame = read(path, targets), pd.read_csv(path)
    assert table.x.shape == shape
    np.testing.assert_array_equal(table.x, frame[table.input_names].to_numpy(float))
    np.testing.assert_array_equal(table.y, frame[table.target_names].to_numpy(float))

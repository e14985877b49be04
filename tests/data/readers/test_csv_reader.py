"""A column of a CSV file has one type, whoever reads the file and whatever its later rows hold."""

import io
import sys

import numpy as np
import pytest

from mdn.data.files import open_rows, read_table
from mdn.data.kinds.coded_columns import matrix

ROWS = 200_000
"""Rows whose text takes more than one block of Arrow's."""


NUMBERS = {"a": "number"}


@pytest.fixture
def write(tmp_path):
    def write(*values):
        path = tmp_path / "a.csv"
        path.write_text("a\n" + "".join(f"{value}\n" for value in values))
        return path

    return write


def values(columns):
    """The numbers of a column, None where missing."""
    return [None if value != value else value for value in matrix(columns, ["a"])[:, 0].tolist()]


def whole(path):
    return values(open_rows(path).read(["a"], NUMBERS))


def streamed(path):
    pieces = open_rows(path).pieces(["a"], [], NUMBERS)
    return [value for piece in pieces for value in values(piece)]


COLUMNS = {
    "whole numbers": ([1, 2, 3], [1, 2, 3]),
    "whole numbers, then fractions": ([*[100000] * ROWS, 0.5, 7], [*[100000] * ROWS, 0.5, 7]),
    "zeros and ones": ([0, 1, 1], [0, 1, 1]),
    "zeros and ones, then fractions": ([*[0, 1] * 4, 0.25], [*[0, 1] * 4, 0.25]),
    "in quotes": (['"1"', '"2.5"', "3"], [1, 2.5, 3]),
    "truth": (["true", "False", "TRUE"], [1, 0, 1]),
    "truth in quotes": (['"true"', "false", '"FALSE"'], [1, 0, 0]),
    "numbers, then truth": ([0, "true", 1], [0, 1, 1]),
    "truth, then numbers": (["true", 0, 1], [1, 0, 1]),
    "a blank later": ([*[1] * ROWS, '""', 2], [*[1] * ROWS, None, 2]),
    "a missing value first": (["NA", 1], [None, 1]),
    "large": ([2**53, 2**64, "1e3"], [2**53, 2**64, 1000]),
}


@pytest.mark.parametrize("case", COLUMNS)
def test_training_and_prediction_read_the_same(case, write, monkeypatch):
    written, wanted = COLUMNS[case]
    path = write(*written)
    assert whole(path) == streamed(path) == wanted
    stdin = io.TextIOWrapper(io.BufferedReader(io.BytesIO(path.read_bytes())))
    monkeypatch.setattr(sys, "stdin", stdin)
    assert streamed("-") == wanted


REFUSED = {
    "text later": ([*[1] * ROWS, "foo"], "line 200002: column 'a' holds 'foo', not a number"),
    "text after a missing value": (["NA", "foo"], "line 3: column 'a' holds 'foo'"),
    "text among truth": (["true", "maybe"], "line 2: column 'a' holds 'true'"),
    "truth among numbers": ([2, "true"], "line 3: column 'a' holds 'true', not a number"),
    "hexadecimal": (["0x1F", 1], "line 2: column 'a' holds '0x1F', not a number"),
    "a date": (["2024-01-01"], "line 2: column 'a' holds '2024-01-01', not a number"),
    "fractions among truth": (["true", 0.5], "line 2: column 'a' holds 'true', not a"),
}


@pytest.mark.parametrize("read", [whole, streamed])
@pytest.mark.parametrize("case", REFUSED)
def test_training_and_prediction_refuse_the_same(case, read, write):
    written, message = REFUSED[case]
    path = write(*written)
    with pytest.raises(ValueError, match=message):
        read(path)


def test_a_mistake_beside_a_column_of_truth_is_named_with_its_own_line(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("flag,a,y\ntrue,1,2\nfalse,2,3\ntrue,x,4\n")
    with pytest.raises(ValueError, match="line 4: column 'a' holds 'x'"):
        read_table(path, "y", None, None)


def test_text_of_a_column_that_is_not_meant_is_not_read(tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes("a,city\n1,Köln\n2,Århus\n".encode("latin-1"))
    assert read_table(path, "a", [], None)[0].y[:, 0].tolist() == [1, 2]
    np.testing.assert_array_equal(streamed(path), [1, 2])


def test_a_line_end_in_quotes_may_lie_where_a_sample_or_a_block_ends(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("t,a\n" + '"p\nq",1\n' * 300_000)
    whole = open_rows(path).read(["t", "a"]).table
    pieces = [piece.table for piece in open_rows(path).pieces(["t", "a"], [])]
    assert whole.num_rows == sum(piece.num_rows for piece in pieces) == 300_000
    assert whole["t"].unique().to_pylist() == pieces[-1]["t"].unique().to_pylist() == ["p\nq"]


def test_a_header_may_be_longer_than_a_value(tmp_path):
    names = [f"column_of_a_long_name_{i}" for i in range(9000)]  # more than 131072 letters
    path = tmp_path / "a.csv"
    path.write_text("\n".join([",".join(names), *[",".join("1" * len(names))] * 2, ""]))
    assert open_rows(path).head.names == names


def test_a_name_without_end_is_refused(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("a" * 200_000 + ",b\n1,2\n")
    with pytest.raises(ValueError, match=r"a\.csv: a name in the first line has no end"):
        open_rows(path)

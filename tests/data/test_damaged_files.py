"""Files as other programs and unreliable disks leave them."""

import io
import sys

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

from mdn.data.files import open_rows, read_table

NAMES = {
    "CR": ("a,b,y\r1,2,3\r4,5,6\r", ["a", "b", "y"]),
    "CR without an end": ("a,b,y\r1,2,3\r4,5,6", ["a", "b", "y"]),
    "CR LF": ("a,b,y\r\n1,2,3\r\n4,5,6\r\n", ["a", "b", "y"]),
    "CR after a mark and blank lines": ("\ufeff\r\ra;b;y\r1;2;3\r4;5;6\r", ["a", "b", "y"]),
    "line end in a name": ('a,"b\nin m",y\n1,2,3\n4,5,6\n', ["a", "b\nin m", "y"]),
    "CR LF in a name": ('"a\r\n",b,y\r\n1,2,3\r\n4,5,6\r\n', ["a", "b", "y"]),
    "delimiter and quote in a name": ('a,"b, ""x""\n1",y\n1,2,3\n4,5,6\n', ["a", 'b, "x"\n1', "y"]),
    "quote within a name": ('a 5",b,y\n1,2,3\n4,5,6\n', ['a 5"', "b", "y"]),
}


def whole(path, names):
    return open_rows(path).read(names).table


def streamed(path, names):
    pieces = list(open_rows(path).pieces(names, []))
    return np.stack([piece.table.column(name) for piece in pieces for name in names], -1)


@pytest.mark.parametrize("case", NAMES)
def test_lines_and_names_of_any_kind_are_read(case, tmp_path, monkeypatch):
    text, names = NAMES[case]
    path = tmp_path / "a.csv"
    path.write_bytes(text.encode())
    values = [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]
    assert open_rows(path).head.table.column_names == names
    np.testing.assert_array_equal(np.stack(whole(path, names).columns, -1), values)
    np.testing.assert_array_equal(streamed(path, names), values)
    stdin = io.BufferedReader(io.BytesIO(text.encode()), buffer_size=8)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(stdin))
    np.testing.assert_array_equal(streamed("-", names), values)


def test_a_fault_has_its_line_in_a_file_with_cr(tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes(b"a,y\r1,2\rx,4\r")
    with pytest.raises(ValueError, match="line 3: column 'a' holds 'x'"):
        read_table(path, "y", None, None)
    path.write_bytes(b"a,y\r1,2\r3,4,5\r")
    with pytest.raises(ValueError, match="line 3: 3 values where the header names 2 columns"):
        read_table(path, "y", None, None)


def test_a_quote_that_is_never_closed_is_refused(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text('a,"b,y\n1,2,3\n')
    with pytest.raises(ValueError, match="a quote in the first line is never closed"):
        open_rows(path)


@pytest.fixture(params=[True, False])
def checksums(request):
    return request.param


@pytest.fixture
def damaged(tmp_path, checksums):
    """A Parquet file in which one bit of a page has flipped, and the file before that."""
    values = np.random.default_rng(0).normal(size=1000)
    whole, bad = tmp_path / "whole.parquet", tmp_path / "bad.parquet"
    table = pa.table({"a": values, "y": values**2})
    settings = {"write_page_checksum": checksums, "compression": "none", "use_dictionary": False}
    parquet.write_table(table, whole, **settings)
    data = bytearray(whole.read_bytes())
    at = data.find(values.tobytes()[800:880])
    assert at > 0
    data[at] ^= 1
    bad.write_bytes(data)
    return whole, bad


def test_a_flipped_bit_in_a_page_with_a_checksum_is_refused(damaged, checksums):
    good, bad = damaged
    assert whole(good, ["a"]).num_rows == len(streamed(good, ["a"])) == 1000
    for read in (whole, streamed):
        if checksums:
            with pytest.raises(
                ValueError, match=r"bad\.parquet is not a whole Parquet file.*again"
            ):
                read(bad, ["a", "y"])
        else:
            read(bad, ["a", "y"])

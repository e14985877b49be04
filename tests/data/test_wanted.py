"""Columns of new rows are read as a model knows them."""

import io
import sys
from dataclasses import replace

import pandas as pd
import pyarrow as pa
import pytest

from mdn.data.files import open_rows, read_table
from mdn.data.frames import input_matrix
from mdn.data.kinds.coded_columns import coded
from mdn.data.kinds.unknown_levels import unknown_levels
from mdn.data.readers.columns import Columns
from mdn.data.readers.reader import row_number
from mdn.data.table import Table
from mdn.networks.kinds import Category

WANTED = {
    "digits as text": (["1", "02", "2.0"], "text", ["1", "02", "2"]),
    "digits as numbers": (["1", "02", "2.5"], "number", [1, 2, 2.5]),
    "nothing as numbers": (["", "NA"], "number", [None, None]),
    "nothing as text": (["", "NA"], "text", [None, None]),
    "money as numbers": (["$1", "$2"], "number", [1, 2]),
    "truth as numbers": (["true", "false"], "number", [True, False]),
    "thousands once decimal": (["1,234", "5,678"], "number ,", [1.234, 5.678]),
    "thousands": (["1,234", "5,678"], "number .,", [1234, 5678]),
    "codes beside dashes": (["-", "-"], "text", ["-", "-"]),
    "words beside dashes": (["-", "p"], "words", [None, "p"]),
    "days first": (["01/02/2020"], "day/month/year", ["2020-02-01"]),
    "months first": (["01/02/2020"], "month/day/year", ["2020-01-02"]),
    "another format of its kind": (["31.01.2020"], "day/month/year", ["2020-01-31"]),
}


@pytest.mark.parametrize("case", WANTED)
def test_a_column_is_read_as_it_is_wanted(case, tmp_path, monkeypatch):
    values, wanted, expected = WANTED[case]
    path = tmp_path / "a.csv"
    path.write_text("\n".join(["a;y", *(f"{value};1" for value in values), ""]))
    whole = open_rows(path).read(["a"], {"a": wanted}).table.column("a")
    (piece,) = open_rows(path).pieces(["a"], ["y"], {"a": wanted})
    stdin = io.TextIOWrapper(io.BufferedReader(io.BytesIO(path.read_bytes())))
    monkeypatch.setattr(sys, "stdin", stdin)
    (piped,) = open_rows("-").pieces(["a"], ["y"], {"a": wanted})
    for column in (whole, piece.table.column("a"), piped.table.column("a")):
        found = column.to_pylist()
        assert (list(map(str, found)) if pa.types.is_date(column.type) else found) == expected
    assert piece.table.column("y").to_pylist() == ["1"] * len(values)


def test_formats_of_one_file_read_another(tmp_path):
    old, new = tmp_path / "old.csv", tmp_path / "new.csv"
    old.write_text("day;price;y\n31/01/2020;1.234,5;1\n01/02/2020;7;2\n")
    new.write_text("price;day\n1.234;01/02/2020\n")
    reader = open_rows(old)
    reader.read(["day", "price"])
    assert reader.formats == {"day": "day/month/year", "price": "number ,."}
    table = open_rows(new).read(["day", "price"], reader.formats).table
    assert [str(table["day"][0]), table["price"][0].as_py()] == ["2020-02-01", 1234]


def test_a_value_that_is_not_as_wanted_is_named_with_its_line(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("a,d,y\n1,2020-01-31,3\n2,tomorrow,4\nx,,5\n")
    for read in (
        lambda *a: open_rows(path).read(*a),
        lambda n, w: [*open_rows(path).pieces(n, [], w)],
    ):
        with pytest.raises(ValueError, match="line 4: column 'a' holds 'x', not a number"):
            read(["a", "y"], {"a": "number"})


def test_a_later_block_is_read_as_the_first_one(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("a,t\n" + "1,2020-01-31\n" * 200_000 + " NA ,\n0.5, 2020-02-01\n")
    names, wanted = ["a", "t"], {"a": "number", "t": "time"}
    whole = open_rows(path).read(names, wanted).table
    pieces = [piece.table for piece in open_rows(path).pieces(names, [], wanted)]
    assert pa.concat_tables(pieces).combine_chunks() == whole.combine_chunks()
    assert whole["a"][-2:].to_pylist() == [None, 0.5]


ROWS = {
    "city": ["p", "-", "q", "p", "q", "p"] * 5,
    "day": ["31/01/2020", "01/02/2020", "02/03/2020", "04/05/2020", "05/06/2020", "01/12/2020"] * 5,
    "price": ["1,234", "2,5", "7,25", "8,125", "9", "3,0"] * 5,
    "y": ["1.5", "2", "3", "4", "5", "6"] * 5,
}
"""One row alone does not say how days and fractions are written, or that a dash is a gap."""


@pytest.fixture
def written(tmp_path):
    frame, path = pd.DataFrame(ROWS), tmp_path / "a.csv"
    frame.to_csv(path, sep=";", index=False)
    frame.to_parquet(path.with_suffix(".parquet"))
    return frame, path


def test_formats_of_a_file_read_frames_row_by_row(written):
    frame, path = written
    table, roles = read_table(path, ["y"], None, None)
    known = roles.inputs, table.kinds, table.reading.formats
    rows = [input_matrix(frame.iloc[[i]], *known)[0] for i in range(len(frame))]
    assert [row.nan_to_num(-1).tolist() for row in rows] == table.x.nan_to_num(-1).tolist()


def test_formats_of_a_file_read_one_of_another_type(written):
    _, path = written
    table, roles = read_table(path, ["y"], None, None)
    kinds = dict(zip(roles.inputs, table.kinds, strict=True))
    formats = table.reading.formats
    other, _ = read_table(
        path.with_suffix(".parquet"), ["y"], roles.inputs, None, (), kinds, formats
    )
    assert other.x.nan_to_num(-1).equal(table.x.nan_to_num(-1))


def test_a_table_of_a_frame_keeps_how_its_text_was_read(written):
    frame, _ = written
    table = Table.from_frame(frame, "y")
    assert table.reading.formats["day"] == "day/month/year"
    assert table.reading.formats["price"] == "number ,"
    known = table.input_names, table.kinds, table.reading.formats
    assert input_matrix(frame.iloc[[1]], *known)[0].equal(table.x[1])


def test_a_dash_among_words_is_no_unknown_level():
    columns = Columns("a", pa.table({"x": ["-", "new", "p"]}), row_number, {}, {"x": "words"})
    kind = Category(("p",))
    assert coded(columns, ["x"], [kind])[:, 0].nan_to_num(-1).tolist() == [-1, 1, 0]
    assert unknown_levels(columns, "x", kind) == ["new"]
    assert unknown_levels(replace(columns, formats={}), "x", kind) == ["-", "new"]

"""Columns of new rows are read as a model knows them."""

import io
import sys

import pyarrow as pa
import pytest

from mdn.data.files import open_rows

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

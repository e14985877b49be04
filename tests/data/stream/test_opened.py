"""What can be streamed: one file, several, folders that name a value, and copies of text."""

import gzip

import pyarrow as pa
import pytest
from parquet_files import mixed, numbers, write
from pyarrow import csv

from mdn.data.stream.open_stream import ColumnChoice, streamed_tables
from mdn.data.stream.whether import must_stream
from mdn.distributions import checks


def rows_of(path, inputs=None, weight=None, exclude=()):
    columns = ColumnChoice("y", inputs, weight, exclude)
    (train,) = streamed_tables(path, columns, {}, {}, 0).values()
    return train, [tuple(row) for part in train.pieces(64) for row in part.x.tolist()]


def test_files_of_a_pattern_come_one_after_the_other(tmp_path):
    for i in range(3):
        write(tmp_path / f"part{i}.parquet", numbers(50, seed=i), 20)
    _, rows = rows_of(str(tmp_path / "*.parquet"), ["a"])
    expected = [value for i in range(3) for value in numbers(50, seed=i)["a"].to_pylist()]
    assert [row[0] for row in rows] == expected
    assert rows_of(str(tmp_path), ["a"])[1] == rows


def test_folders_tell_a_column(tmp_path):
    for year in (2020, 2021):
        (tmp_path / f"year={year}").mkdir()
        write(tmp_path / f"year={year}" / "a.parquet", numbers(40), 15)
    train, rows = rows_of(str(tmp_path), ["year", "b"])
    assert [row[0] for row in rows] == [2020] * 40 + [2021] * 40
    assert train.input_names == ["year", "b"]


def test_text_is_copied_once(tmp_path):
    plain = tmp_path / "a.csv"
    csv.write_csv(mixed(300), plain)
    packed = tmp_path / "a.csv.gz"
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    train, rows = rows_of(str(packed), exclude=["w"])
    (copy,) = (tmp_path / "parquet-copies").iterdir()
    written = copy.stat().st_mtime_ns
    assert str(rows_of(str(packed), exclude=["w"])[1]) == str(rows)
    assert copy.stat().st_mtime_ns == written
    assert any(str(copy) in note for note in train.sample.reading.notes)
    assert train.sample.kinds[train.input_names.index("color")].levels[0] == "red"


def test_what_no_input_can_be_made_of_is_left_out(tmp_path):
    table = numbers(300).append_column("id", pa.array(range(300)))
    train, _ = rows_of(write(tmp_path / "a.parquet", table, 100))
    assert train.input_names == ["a", "b", "c", "w"]
    assert train.sample.reading.left_out == {"id": "an identifier"}
    with pytest.raises(ValueError, match="no column 'ids'"):
        rows_of(str(tmp_path / "a.parquet"), ["ids"])


def test_a_target_of_text_is_refused(tmp_path):
    path = write(tmp_path / "a.parquet", mixed(300), 100)
    with pytest.raises(ValueError, match="target 'color' is text"):
        streamed_tables(path, ColumnChoice("color"), {}, {}, 0)


def test_rows_are_streamed_where_memory_would_be_short(tmp_path, monkeypatch):
    path = write(tmp_path / "a.parquet", numbers(1000), 100)
    assert not must_stream("auto", [path])
    monkeypatch.setattr("mdn.data.stream.whether.available_memory", lambda: 8 * 1000 * 5 * 3.9)
    assert must_stream("auto", [path])
    assert not must_stream(False, [path])
    assert checks.available_memory() > 0


@pytest.mark.parametrize("rows", [0, 3])
def test_a_part_without_rows_is_refused(tmp_path, rows):
    path = write(tmp_path / "a.parquet", numbers(rows), 100)
    message = "no rows; give it at least one" if rows == 0 else "none of the rows that count"
    with pytest.raises(ValueError, match=message):
        streamed_tables(path, ColumnChoice("y"), {}, {"val": 1e-9}, 0)


def test_weights_below_zero_are_refused(tmp_path):
    table = numbers(50)
    table = table.set_column(4, "w", [[-1.0] * 50])
    path = write(tmp_path / "a.parquet", table, 100)
    with pytest.raises(ValueError, match="weights must be 0 or more; the smallest so far is -1"):
        rows_of(path, ["a"], "w")

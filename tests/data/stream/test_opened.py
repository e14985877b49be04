"""What can be streamed: one file, several, folders that name a value, and copies of text."""

import gzip
import zipfile

import numpy as np
import pyarrow as pa
import pytest
import torch
from parquet_files import mixed, numbers, write
from pyarrow import csv

from mdn.data.files import open_rows
from mdn.data.splits.divide import Division
from mdn.data.splits.settings import SplitBy
from mdn.data.stream.open_stream import ColumnChoice, streamed_tables
from mdn.data.stream.whether import must_stream, num_bytes
from mdn.distributions import checks


def rows_of(path, inputs=None, weight=None, exclude=()):
    columns = ColumnChoice("y", inputs, weight, exclude)
    (train,) = streamed_tables(path, columns, {}, Division({}, 0)).values()
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
        streamed_tables(path, ColumnChoice("color"), {}, Division({}, 0))


def test_rows_are_streamed_where_memory_would_be_short(tmp_path, monkeypatch):
    path = write(tmp_path / "a.parquet", numbers(1000), 100)
    assert not must_stream("auto", [path])
    monkeypatch.setattr("mdn.data.stream.whether.available_memory", lambda: 8 * 1000 * 5 * 3.9)
    assert must_stream("auto", [path])
    assert not must_stream(False, [path])
    assert checks.available_memory() > 0


@pytest.mark.parametrize("ending", [".csv", ".csv.gz", ".csv.bz2", ".csv.zst", ".csv.zip"])
def test_memory_is_that_of_the_values_however_they_are_packed(ending, tmp_path):
    path, rows = tmp_path / f"a{ending}", 2_000_000
    text = b"a,b,y\n" + b"1,2,3\n" * rows
    if ending.endswith("zip"):
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("a.csv", text)
    else:
        with pa.output_stream(str(path), compression="detect") as stream:
            stream.write(text)
    assert num_bytes(open_rows(path)) == pytest.approx(8 * 3 * rows, rel=0.35)


def split(tmp_path, by, division=None, others=None):
    table = mixed(2000).append_column("part", [["train", "train", "test", "train"] * 500])
    columns = ColumnChoice("y", ["a"], by=by)
    path = write(tmp_path / "a.parquet", table, 300)
    division = division or Division({"test": 0.1, "val": 0.2}, 0)
    return streamed_tables(path, columns, others or {}, division), table


def test_rows_are_split_by_the_column_that_names_the_part(tmp_path):
    parts, table = split(tmp_path, SplitBy(part="part"))
    there = ~np.isnan(table["y"].to_numpy())
    tests = (np.array(table["part"].to_pylist()) == "test") & there
    assert len(parts["test"]) == tests.sum()
    assert sum(map(len, parts.values())) == there.sum()
    assert 0.1 < len(parts["val"]) / (there.sum() - tests.sum()) < 0.3


def test_rows_of_a_group_stay_together(tmp_path):
    parts, _ = split(tmp_path, SplitBy(groups=("day",)))
    days = {
        name: {float(day) for piece in part.pieces(64) for day in piece.marks["group"]}
        for name, part in parts.items()
    }
    assert not days["train"] & days["val"]
    assert not days["train"] & days["test"]
    assert 0.1 < len(parts["val"]) / sum(map(len, parts.values())) < 0.3


def test_rows_are_split_by_time_with_a_gap(tmp_path):
    parts, _ = split(tmp_path, SplitBy(time="day", gap="7d"))
    times = {
        name: torch.cat([piece.marks["time"] for piece in part.pieces(64)])
        for name, part in parts.items()
    }
    assert times["val"].min() - times["train"].max() >= 7 * 86_400
    assert times["test"].min() - times["val"].max() >= 7 * 86_400
    assert len(parts["test"]) == pytest.approx(180, abs=30)


@pytest.mark.parametrize(
    ("by", "division", "others", "message"),
    [
        (SplitBy(part="part", groups=("day",)), None, {}, "`group_by` with `split_by`"),
        (SplitBy(groups=("day",)), None, {"val": "b.parquet"}, "`group_by` with `val_path`"),
        (SplitBy(), Division({}, 0, stratify=True), {}, "`stratify=True` sorts the targets"),
    ],
)
def test_splits_that_need_all_rows_are_refused(tmp_path, by, division, others, message):
    with pytest.raises(ValueError, match=message):
        split(tmp_path, by, division, others)


@pytest.mark.parametrize("rows", [0, 3])
def test_a_part_without_rows_is_refused(tmp_path, rows):
    path = write(tmp_path / "a.parquet", numbers(rows), 100)
    message = "no rows; give it at least one" if rows == 0 else "none of the rows that count"
    with pytest.raises(ValueError, match=message):
        streamed_tables(path, ColumnChoice("y"), {}, Division({"val": 1e-9}, 0))


def test_weights_below_zero_are_refused(tmp_path):
    table = numbers(50)
    table = table.set_column(4, "w", [[-1.0] * 50])
    path = write(tmp_path / "a.parquet", table, 100)
    with pytest.raises(ValueError, match="weights must be 0 or more; the smallest so far is -1"):
        rows_of(path, ["a"], "w")


def test_a_second_run_knows_how_the_text_was_written(tmp_path):
    path = tmp_path / "a.csv"
    lines = [f"{1 + i % 28:02}/{1 + i % 12:02}/20{i % 30:02};{i},5;{i % 7}" for i in range(90)]
    path.write_text("\n".join(["day;price;y", *lines, ""]))
    first, second = (rows_of(str(path))[0].sample.reading for _ in range(2))
    assert first.formats == {"day": "day/month/year", "price": "number ,", "y": "integer"}
    assert second.formats == first.formats


def test_a_file_of_another_part_is_read_as_the_first_is(tmp_path):
    path, other = tmp_path / "a.csv", tmp_path / "b.csv"
    path.write_text("day;price;y\n" + "31/01/2020;1,5;1\n01/02/2020;2,25;2\n" * 40)
    other.write_text("day;price;y\n" + "03/02/2020;1,250;2\n" * 40)
    columns, nothing = ColumnChoice("y"), Division({}, 0)
    val = streamed_tables(path, columns, {"val": other}, nothing)["val"].sample
    assert val.x[0].tolist() == [pytest.approx(1580688000), 1.25]

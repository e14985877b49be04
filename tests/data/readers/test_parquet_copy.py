"""Text files are copied to Parquet once."""

import os

import pytest

from mdn.data.files import open_rows
from mdn.data.readers.parquet_copy import as_parquet


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("a;t;y\n0,5;p;1\n1,5;NA;2\n")
    return path


def everything(path):
    reader = open_rows(path)
    return reader.read(reader.head.table.column_names).table


def test_a_copy_holds_what_the_file_does(path, tmp_path):
    copy = as_parquet(open_rows(path), tmp_path / "copies")
    assert copy.parent == tmp_path / "copies"
    assert everything(copy).to_pylist() == everything(path).to_pylist()
    assert "decimal comma" in "".join(open_rows(copy).notes)


def test_a_copy_is_made_once_and_anew_where_the_file_changes(path, tmp_path):
    copy = as_parquet(open_rows(path), tmp_path)
    os.utime(copy, (1, 1))
    assert as_parquet(open_rows(path), tmp_path) == copy
    assert copy.stat().st_mtime == 1
    assert as_parquet(open_rows(path), tmp_path, {"a": "text"}) != copy
    path.write_text("a;t;y\n0,5;p;1\n")
    assert everything(as_parquet(open_rows(path), tmp_path)).num_rows == 1


def test_later_rows_that_contradict_the_first_ones_are_copied_as_they_are(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("a,b\n" + "1,2020-01-31\n" * 100_000 + "p,2020-02-01 10:00\n")
    copy = as_parquet(open_rows(path), tmp_path)
    table = everything(copy)
    assert [table["a"][0].as_py(), table["a"][-1].as_py()] == ["1", "p"]
    assert str(table["b"][-1]) == "2020-02-01 10:00:00"
    assert "'a', 'b': later rows contradict" in "".join(open_rows(copy).notes)


def test_a_file_with_faults_leaves_no_copy(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("a,y\n" + "1,2\n" * 300_000 + "1,2,3\n")
    with pytest.raises(ValueError, match="line 300002: 3 values"):
        as_parquet(open_rows(path), tmp_path / "copies")
    assert not [*(tmp_path / "copies").iterdir()]

"""Whatever keeps a file from being written is one sentence, and the earlier file stays whole."""

import errno
import os
import re
from pathlib import Path

import pyarrow as pa
import pytest
import torch
from pyarrow import csv, parquet

from mdn.data import write as writer
from mdn.data.write import make_folder, replaced, replaced_together, write_text, write_together
from mdn.data.write_errors import WriteError

FULL = Path("/dev/full")


def sentence(path, why, whole, advice):
    return re.escape(f"{path} cannot be written: {why}; {whole}; {advice}")


def fail_at(monkeypatch, name, number, code):
    """Have the n-th call of a function of `os` fail."""
    calls, real = [], getattr(os, name)

    def failing(*arguments, **settings):
        calls.append(arguments)
        if len(calls) == number:
            raise OSError(code, os.strerror(code))
        return real(*arguments, **settings)

    monkeypatch.setattr(writer.os, name, failing)


CODES = {
    errno.ENOSPC: "make room",
    errno.EDQUOT: "make room",
    errno.EFBIG: r"raise the limit .* \(ulimit -f\)",
    errno.EIO: "the disk or the way to it fails",
    errno.EROFS: "name a place that can be written to",
    errno.EACCES: "name a place that can be written to",
    errno.EPERM: "name a place that can be written to",
}


@pytest.mark.parametrize("code", CODES)
def test_the_sentence_names_the_file_the_reason_and_the_way_out(tmp_path, monkeypatch, code):
    path = tmp_path / "notes.txt"
    path.write_text("before")
    fail_at(monkeypatch, "fsync", 1, code)
    said = f"{re.escape(f'{path} cannot be written: {os.strerror(code)}')}; the earlier file is as"
    with pytest.raises(WriteError, match=f"^{said} it was; .*{CODES[code]}") as caught:
        write_text("after", path)
    assert caught.value.errno == code
    assert path.read_text() == "before"
    assert os.listdir(tmp_path) == ["notes.txt"]


@pytest.mark.parametrize("name", ["open", "fsync", "replace", "close"])
def test_every_step_of_writing_may_fail(tmp_path, monkeypatch, name):
    path = tmp_path / "notes.txt"
    fail_at(monkeypatch, name, 1, errno.ENOSPC)
    with pytest.raises(WriteError, match=r"notes\.txt cannot be written: .*; no file is there;"):
        write_text("after", path)
    assert not os.listdir(tmp_path)


def test_a_folder_that_is_not_synced_is_an_error_where_it_can_be(tmp_path, monkeypatch):
    fail_at(monkeypatch, "fsync", 2, errno.EIO)
    with pytest.raises(WriteError, match="it is there and whole, but a power cut may undo that"):
        write_text("after", tmp_path / "notes.txt")
    assert (tmp_path / "notes.txt").read_text() == "after"
    fail_at(monkeypatch, "fsync", 2, errno.EINVAL)
    write_text("again", tmp_path / "notes.txt")


def _torch(full):
    with full.open("wb") as file:
        torch.save({"a": torch.zeros(10**5)}, file)


def _hidden(full):
    try:
        full.write_bytes(b"x")
    except OSError:
        raise RuntimeError("PytorchStreamWriter failed writing file data/0") from None


def _parquet(full):
    table = pa.table({"a": range(10**5)})
    with parquet.ParquetWriter(full, table.schema) as writer:
        writer.write_table(table)


LIBRARIES = {
    "python": lambda full: full.write_bytes(b"x"),
    "torch": _torch,
    "hidden": _hidden,
    "parquet": _parquet,
    "csv": lambda full: csv.write_csv(pa.table({"a": range(10**5)}), full),
}


@pytest.mark.skipif(not FULL.exists(), reason="no device that is always full")
@pytest.mark.parametrize("library", LIBRARIES)
def test_errors_of_libraries_get_the_same_sentence(tmp_path, library):
    path, full = tmp_path / "out", tmp_path / "full"
    full.symlink_to(FULL)  # some libraries remove what they have failed to write

    def write():
        with replaced(path):
            LIBRARIES[library](full)

    why = os.strerror(errno.ENOSPC)
    said = sentence(path, why, "no file is there", "make room and try again")
    with pytest.raises(WriteError, match=f"^{said}$"):
        write()
    assert os.listdir(tmp_path) == ["full"]


@pytest.mark.parametrize(
    "error", [ValueError("a sentence"), FileNotFoundError(errno.ENOENT, "no", "other.csv")]
)
def test_other_errors_stay_as_they_are(tmp_path, error):
    def write():
        with replaced(tmp_path / "out"):
            raise error

    with pytest.raises(type(error)) as caught:
        write()
    assert caught.value is error
    assert not os.listdir(tmp_path)


def test_names_that_cannot_be(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(WriteError, match="a file has the name of one of its folders"):
        make_folder(tmp_path / "file" / "checkpoints")
    with pytest.raises(WriteError, match="a file has this name; remove it or name another place"):
        make_folder(tmp_path / "file")
    with pytest.raises(WriteError, match="a file has the name of one of its folders"):
        write_text("x", tmp_path / "file" / "notes.txt")
    with pytest.raises(WriteError, match="its folder is gone; make it again"):
        write_text("x", tmp_path / "nowhere" / "notes.txt")
    with pytest.raises(WriteError, match="a folder has this name"):
        write_text("x", tmp_path)
    with pytest.raises(WriteError, match="give it a shorter name"):
        write_text("x", tmp_path / ("n" * 256))
    assert os.listdir(tmp_path) == ["file"]


@pytest.mark.parametrize("name", ["n" * 255, "ö" * 127])
def test_the_longest_names_are_written(tmp_path, name):
    write_text("x", tmp_path / name)
    assert os.listdir(tmp_path) == [name]


@pytest.mark.parametrize("earlier", [True, False])
def test_of_files_written_together_none_is_new_where_one_fails(tmp_path, monkeypatch, earlier):
    paths = [tmp_path / name for name in ("a", "b", "c")]
    for path in paths if earlier else []:
        path.write_text(f"before {path.name}")
    before = {path.name: path.read_text() for path in tmp_path.iterdir()}
    fail_at(monkeypatch, "replace", 2, errno.EIO)
    with pytest.raises(WriteError, match=r"/b cannot be written"):
        write_together({path: b"after" for path in paths})
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == before


def test_files_written_together_may_lie_in_several_folders(tmp_path):
    (tmp_path / "sub").mkdir()
    with replaced_together(tmp_path / "a", tmp_path / "sub" / "b") as parts:
        for part in parts:
            part.write_text("x")
    assert {path.name for path in tmp_path.rglob("*")} == {"a", "sub", "b"}

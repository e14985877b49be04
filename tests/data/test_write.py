"""A file appears whole or not at all."""

import os
import stat
import threading

import pytest

from mdn.data.write import replaced, write_text


def test_what_was_written_takes_the_place_of_the_file(tmp_path):
    path = tmp_path / "notes.txt"
    path.write_text("before")
    with replaced(path) as beside:
        assert beside.parent == path.parent
        assert beside.suffix == ".part"
        beside.write_text("after")
        assert path.read_text() == "before"
    assert path.read_text() == "after"
    assert os.listdir(tmp_path) == ["notes.txt"]


def test_an_error_leaves_what_was_there(tmp_path):
    path = tmp_path / "notes.txt"
    path.write_text("before")

    def write():
        with replaced(path) as beside:
            beside.write_text("half of")
            raise OSError("no space left")

    with pytest.raises(OSError, match="no space left"):
        write()
    assert path.read_text() == "before"
    assert os.listdir(tmp_path) == ["notes.txt"]


def test_two_writers_at_once_do_not_mix(tmp_path):
    path, both = tmp_path / "notes.txt", threading.Barrier(2)

    def write(text):
        with replaced(path) as beside, beside.open("w") as file:
            for _ in range(100):
                file.write(text)
                both.wait()

    writers = [threading.Thread(target=write, args=(letter,)) for letter in "ab"]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert path.read_text() in ("a" * 100, "b" * 100)
    assert os.listdir(tmp_path) == ["notes.txt"]


def test_a_new_file_has_the_usual_rights(tmp_path):
    write_text("größe", tmp_path / "new.txt")
    (tmp_path / "usual.txt").write_text("x")
    modes = [stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("new.txt", "usual.txt")]
    assert modes[0] == modes[1]
    assert (tmp_path / "new.txt").read_bytes() == "größe".encode()

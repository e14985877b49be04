"""What a dead program has not finished writing is removed; what a living one writes is not."""

import os
import signal
import subprocess
import sys
import time

import pytest

from mdn.data import unfinished_files
from mdn.data.unfinished_files import name_beside, sweep, unfinished
from mdn.data.write import write_text

fcntl = pytest.importorskip("fcntl", reason="files are locked")

WRITER = """
import sys, time
from pathlib import Path
from mdn.data.write import replaced
with replaced(Path(sys.argv[1])) as beside:
    beside.write_text("half of")
    print("writes", flush=True)
    time.sleep(600)
"""


@pytest.fixture
def writer(tmp_path):
    """Another process that is writing `notes.txt`."""
    command = [sys.executable, "-c", WRITER, str(tmp_path / "notes.txt")]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "writes\n"
    yield process
    process.kill()
    process.wait()
    process.stdout.close()


@pytest.fixture(autouse=True)
def _nothing_swept_yet(monkeypatch):
    monkeypatch.setattr(unfinished_files, "_swept", set())


def test_the_next_writer_in_a_folder_removes_what_a_killed_one_has_left(tmp_path, writer):
    writer.send_signal(signal.SIGKILL)
    writer.wait()
    assert [path.suffix for path in tmp_path.iterdir()] == [".part"]
    write_text("x", tmp_path / "other.txt")
    assert os.listdir(tmp_path) == ["other.txt"]


def test_a_file_that_is_being_written_stays_however_old(tmp_path, writer):
    (part,) = tmp_path.iterdir()
    os.utime(part, (0, 0))
    sweep(tmp_path)
    write_text("x", tmp_path / "other.txt")
    assert part.exists()


def test_the_files_of_this_process_stay(tmp_path):
    with unfinished(tmp_path / "notes.txt") as part:
        sweep(tmp_path)
        assert part.exists()
    assert not part.exists()


@pytest.mark.parametrize("name", [".a.txt.part", "a.part", ".a.1-2.part", "a.txt.1-00000000.part"])
def test_files_of_others_stay(tmp_path, name):
    (tmp_path / name).write_text("theirs")
    os.utime(tmp_path / name, (0, 0))
    sweep(tmp_path)
    assert (tmp_path / name).exists()


@pytest.mark.parametrize("old", [True, False])
@pytest.mark.parametrize("name", [".a.txt.00000000-1-0123abcd.part", ".a.txt.1-0123abcd.part"])
def test_a_file_of_another_machine_must_be_untouched_for_a_day(tmp_path, name, old):
    part = tmp_path / name
    part.write_text("half of")
    changed = time.time() - (90000 if old else 3600)
    os.utime(part, (changed, changed))
    sweep(tmp_path)
    assert part.exists() != old


@pytest.mark.parametrize("old", [True, False])
def test_without_locks_only_age_tells(tmp_path, monkeypatch, old):
    def no_locks(*_):
        raise OSError("no locks here")

    part = name_beside(tmp_path / "notes.txt")
    part.write_text("half of")
    changed = time.time() - (90000 if old else 3600)
    os.utime(part, (changed, changed))
    monkeypatch.setattr(fcntl, "flock", no_locks)
    write_text("x", tmp_path / "other.txt")
    assert part.exists() != old


def test_a_file_that_is_swept_before_it_is_locked_is_made_anew(tmp_path, monkeypatch):
    flock, names = fcntl.flock, []

    def swept_first(descriptor, how):
        names.extend(os.listdir(tmp_path))
        if len(names) == 1:
            (tmp_path / names[0]).unlink()
        flock(descriptor, how)

    monkeypatch.setattr(fcntl, "flock", swept_first)
    with unfinished(tmp_path / "notes.txt") as part:
        assert part.exists()
    assert len(set(names)) == 2

"""Locks: one owner at a time, named to others, free as soon as the process is gone."""

import errno
import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest

from mdn.app.lock import HeldError, Lock

fcntl = pytest.importorskip("fcntl", reason="locks of the kernel, other than on Windows")

HOLD = """
import sys, time
from pathlib import Path
from mdn.app.lock import Lock
held = Lock(Path(sys.argv[1]), "train")
print("held", flush=True)
time.sleep(600)
"""


@pytest.fixture
def path(tmp_path):
    return tmp_path / "place" / ".lock"


@pytest.fixture
def other(path):
    """Another process that holds the lock."""
    command = [sys.executable, "-c", HOLD, str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_the_owner_is_named_and_loses_the_lock_by_being_killed(path, other):
    with pytest.raises(HeldError) as held:
        Lock(path, "evaluate")
    assert held.value.owner is not None
    assert held.value.owner.process == other.pid
    assert str(held.value).startswith(f"train, process {other.pid} on ")
    other.send_signal(signal.SIGKILL)
    other.wait()
    mine = Lock(path, "evaluate")
    assert mine.left_by == held.value.owner
    mine.release()
    assert not path.exists()
    assert Lock(path, "evaluate").left_by is None


def test_an_owner_that_cannot_be_read_is_another_command(path):
    mine = Lock(path, "train")
    for text in ("", "{", "[1]", '{"command": "train"}'):
        path.write_text(text)
        with pytest.raises(HeldError, match=r"^another command$"):
            Lock(path, "train")
    mine.release()


def test_a_release_while_others_ask_leaves_one_owner_at_a_time(path):
    owners, seen = [], []

    def ask():
        while len(seen) < 300:
            with suppress(HeldError):
                mine = Lock(path, "train")
                owners.append(mine)
                seen.append(len(owners))
                owners.remove(mine)
                mine.release()

    with ThreadPoolExecutor() as pool:
        for asked in [pool.submit(ask) for _ in range(4)]:
            asked.result()
    assert max(seen) == 1


def test_a_disk_without_locks_is_warned_of(path, monkeypatch):
    def refuse(*_):
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))

    path.parent.mkdir()
    path.write_text('{"command": "train", "process": 1, "machine": "a", "since": "b"}')
    monkeypatch.setattr(fcntl, "flock", refuse)
    with pytest.warns(UserWarning, match=r"^the disk of .*place has no locks \(Function not impl"):
        mine = Lock(path, "train")
    assert mine.left_by is None  # it may be alive
    mine.release()


def test_a_lock_that_cannot_be_made_is_an_error_of_the_system(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match="File exists"):
        Lock(tmp_path / "file" / ".lock", "train")

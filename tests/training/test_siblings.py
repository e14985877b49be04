"""What the first of several processes says when another one ends."""

import json
import os
import subprocess
import sys

import pytest

from mdn.training import siblings
from mdn.training.process_ends import FirstFailed, ProcessFailed, is_broken_connection
from mdn.training.siblings import Others, is_first, speaks, start_others
from mdn.training.stop_signals import Interrupted

GLOO = RuntimeError("[/pytorch/third_party/gloo/gloo/transport/tcp/pair.cc:553] Connection closed")

CODES = {
    "fine": "",
    "status 3": "raise SystemExit(3)",
    "killed": "import os; os.kill(os.getpid(), 9)",
    "told to stop": "raise SystemExit(143)",
    "failed": "raise SystemExit(1)",
}


@pytest.fixture
def others(tmp_path):
    """Processes that have ended in some ways, and what some of them have left to say."""

    def start(*names, **messages):
        processes = [subprocess.Popen([sys.executable, "-c", CODES[name]]) for name in names]
        for process in processes:
            process.wait()
        for rank, (text, echo) in messages.items():
            (tmp_path / rank[1:]).write_text(json.dumps({"text": text, "echo": echo}))
        started = Others(processes, tmp_path)
        started._noticed.set()
        return started

    return start


@pytest.mark.parametrize(
    ("names", "messages", "said"),
    [
        (["status 3"], {}, "process 1 has ended with status 3"),
        (["fine", "killed"], {}, "process 2 was killed by SIGKILL, as happens where memory"),
        (["failed", "killed"], {"_1": ("connection closed", True)}, "process 2 was killed by"),
        (["failed", "failed"], {"_2": ("a bad file", False)}, "process 2: a bad file"),
        (["failed"], {"_1": ("connection closed", True)}, "process 1: connection closed"),
    ],
)
def test_the_error_of_its_own_is_told_before_what_follows_from_it(others, names, messages, said):
    assert str(others(*names, **messages).why(GLOO)).startswith(said)


def test_an_error_of_the_first_process_is_told_before_that_of_others(others):
    error = ValueError("a bad file")
    assert others("failed", _1=("a bad file", False)).why(error) is error


def test_a_process_that_was_told_to_stop_stops_the_others(others):
    error = others("told to stop").why(GLOO)
    assert isinstance(error, Interrupted)
    assert error.code == 143


def test_nobody_has_ended_who_is_to_blame(others):
    assert others("fine").why_ended() is None


def test_processes_that_do_not_end_are_killed(tmp_path):
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(100)"])
    folder = tmp_path / "messages"
    folder.mkdir()
    Others([process], folder).kill()
    assert process.returncode == -9
    assert not folder.exists()


def test_a_broken_connection_is_recognized_as_a_cause_too():
    assert is_broken_connection(GLOO)
    error = ValueError("the callback failed")
    error.__cause__ = GLOO
    assert is_broken_connection(error)
    assert not is_broken_connection(RuntimeError("a bad file"))


def test_the_first_process_speaks_and_the_next_one_where_it_is_gone(monkeypatch):
    for name in ("RANK", "LOCAL_RANK", "SLURM_PROCID"):
        monkeypatch.delenv(name, raising=False)
    assert is_first()
    monkeypatch.setenv("LOCAL_RANK", "1")
    assert not is_first()
    assert not speaks(ProcessFailed("a bad file"))
    assert speaks(FirstFailed())
    monkeypatch.setenv("LOCAL_RANK", "2")
    assert not speaks(FirstFailed())


def test_what_a_process_leaves_is_found_by_the_first_one(tmp_path, monkeypatch, others):
    monkeypatch.setenv("LOCAL_RANK", "1")
    monkeypatch.setenv(siblings.FOLDER, str(tmp_path))
    siblings.leave_message("a bad file", ValueError("a bad file"))
    assert os.listdir(tmp_path) == ["1"]
    assert str(others("failed").why(GLOO)) == "process 1: a bad file"


def test_processes_are_ended_where_another_one_cannot_be_started():
    begun = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(100)"])

    def start(started):
        started.append(begun)
        raise BlockingIOError(11, "Resource temporarily unavailable")

    with pytest.raises(ProcessFailed, match=r"process 2 cannot be started: .* unavailable; free"):
        start_others(start)
    assert begun.returncode == -9
    assert siblings.FIRST not in os.environ

"""A process leaves its group before it ends."""

import atexit
from pathlib import Path

import pytest
from torch import distributed

from mdn.training.processes import close_group_at_exit


def run_at_exit(monkeypatch: pytest.MonkeyPatch) -> list:
    """What is registered from here on, in place of the interpreter's own list."""
    found = []
    monkeypatch.setattr(atexit, "register", found.append)
    monkeypatch.setattr(atexit, "unregister", lambda f: found.remove(f) if f in found else None)
    return found


@pytest.mark.skipif(not distributed.is_available(), reason="torch was built without distributed")
def test_a_group_is_closed_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    found = run_at_exit(monkeypatch)
    distributed.init_process_group("gloo", f"file://{tmp_path}/meet", rank=0, world_size=1)
    for _ in ("fit", "test"):
        close_group_at_exit()
    (close,) = found
    close()
    assert not distributed.is_initialized()
    close()  # somebody else may have been first


def test_nothing_is_left_to_do_without_a_group(monkeypatch: pytest.MonkeyPatch):
    found = run_at_exit(monkeypatch)
    close_group_at_exit()
    assert found == []

"""A TensorBoard log holds whole events only, and says when it cannot be written."""

import errno
import os

import pytest
from tensorboard.backend.event_processing.event_file_loader import EventFileLoader

from mdn.app.event_file import EventLog
from mdn.app.run_log import RunLog
from mdn.data.write_errors import WriteError


def logged(folder):
    """The tags of all values in the log of a folder, in order."""
    (path,) = folder.glob("events.out.tfevents.*")
    events = EventFileLoader(str(path)).Load()
    return [value.tag for event in events for value in event.summary.value]


class CutShort:
    """A file that takes a few bytes more, and is full then."""

    def __init__(self, file, room):
        self._file = file
        self._room = room

    def write(self, record):
        if self._room == 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        size = min(len(record), self._room)
        self._room -= size
        return self._file.write(record[:size])

    def __enter__(self):
        return self._file.__enter__()

    def __exit__(self, *error):
        return self._file.__exit__(*error)

    def __getattr__(self, name):
        return getattr(self._file, name)


@pytest.fixture
def log(tmp_path):
    with EventLog(str(tmp_path / "run")) as log:
        yield log


def test_an_event_is_in_the_file_at_once(log, tmp_path):
    log.add_scalar("a", 1.0, 0)
    assert logged(tmp_path / "run") == ["a"]
    log.add_scalar("b", 1.0, 0)
    assert logged(tmp_path / "run") == ["a", "b"]


def test_a_full_disk_leaves_whole_events_and_the_log_goes_on_when_there_is_room(log, tmp_path):
    log.add_scalar("a", 1.0, 0)
    writer = log._get_file_writer().event_writer
    whole = writer._file
    writer._file = CutShort(whole, room=20)
    said = r"tfevents.* cannot be written: .*; what was logged before is whole; make room"
    for _ in range(2):
        with pytest.raises(WriteError, match=said):
            log.add_scalar("b", 1.0, 0)
    writer._file = whole
    log.add_scalar("c", 1.0, 0)
    assert logged(tmp_path / "run") == ["a", "c"]


def test_a_log_that_is_removed_is_noticed(log, tmp_path):
    (path,) = (tmp_path / "run").iterdir()
    path.unlink()
    with pytest.raises(WriteError, match="No such file"):
        log.add_scalar("a", 1.0, 0)


def test_a_suffix_ends_the_name(tmp_path):
    with EventLog(str(tmp_path), filename_suffix=".scores"):
        pass
    (path,) = tmp_path.iterdir()
    assert path.suffix == ".scores"


def test_a_run_log_raises_what_the_file_raises_and_closes_in_silence_then(tmp_path):
    log = RunLog(tmp_path)
    log.log_metrics({"a": 1.0}, 0)
    writer = log.experiment._get_file_writer().event_writer
    writer._file = CutShort(writer._file, room=0)
    with pytest.raises(WriteError, match="make room"):
        log.log_metrics({"a": 1.0}, 1)
    log.finalize("failed")
    log.close()
    assert [path.name for path in tmp_path.iterdir() if "tfevents" not in path.name] == []

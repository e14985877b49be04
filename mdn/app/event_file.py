"""A TensorBoard log whose writing fails loudly and in place.

TensorBoard's own writer hands events to a thread. On a full disk the thread dies with a traceback,
half a record stays in the file, and the error comes out later or never.
"""

import os
import time
from contextlib import suppress
from itertools import count
from pathlib import Path
from socket import gethostname
from typing import Protocol, runtime_checkable

from tensorboard.compat.proto import event_pb2
from torch.utils.tensorboard import FileWriter, RecordWriter, SummaryWriter

from mdn.data.write import make_folder
from mdn.data.write_errors import writing

_WHOLE = "what was logged before is whole"

_number = count()


@runtime_checkable
class Event(Protocol):
    """An event as TensorBoard defines it."""

    def SerializeToString(self) -> bytes: ...


# These are made as the module is imported.
_new_event, _new_session = vars(event_pb2)["Event"], vars(event_pb2)["SessionLog"]


class EventFile:
    """A file of TensorBoard; an event is in it, whole, when the call returns.

    Args:
        folder: of the file; made if it is not there.
        suffix: the end of its name.

    Raises:
        WriteError: if a file or an event cannot be written.
    """

    def __init__(self, folder: str, suffix: str) -> None:
        make_folder(folder)
        name = f"events.out.tfevents.{int(time.time())}.{gethostname()}.{os.getpid()}"
        self._path = Path(folder) / f"{name}.{next(_number)}{suffix}"
        with writing(self._path):
            self._file = self._path.open("ab", buffering=0)
        self._size = 0
        self.add_event(_new_event(wall_time=time.time(), file_version="brain.Event:2"))

    def get_logdir(self) -> str:
        """Return the folder of the file."""
        return str(self._path.parent)

    def add_event(self, event: Event) -> None:
        """Append an event."""
        RecordWriter(self).write(event.SerializeToString())

    def write(self, record: bytes) -> None:
        """Append a record of bytes."""
        with writing(self._path, _WHOLE):
            self._check_it_is_there()
            try:
                self._append(record)
            except OSError:
                with suppress(OSError):
                    self._file.truncate(self._size)
                raise
            self._size += len(record)

    def flush(self) -> None:
        """Do nothing: nothing is held back."""

    def close(self) -> None:
        """Close the file once it is on the disk."""
        if self._file.closed:
            return
        with writing(self._path, _WHOLE), self._file:
            os.fsync(self._file.fileno())

    def _check_it_is_there(self) -> None:
        if os.fstat(self._file.fileno()).st_nlink == 0:
            self._path.open("rb").close()  # which says why

    def _append(self, record: bytes) -> None:
        rest = memoryview(record)
        while rest:
            rest = rest[self._file.write(rest) :]


class _FileWriter(FileWriter):
    def __init__(self, folder: str, suffix: str) -> None:
        self.event_writer = EventFile(folder, suffix)


class EventLog(SummaryWriter):
    """A TensorBoard log, of which each event is in its file, whole, before anything goes on."""

    def start_again(self, step: int) -> None:
        """Have readers drop what the folder's other logs hold from a step on."""
        session = _new_session(status=_new_session.START)
        self._get_file_writer().add_event(_new_event(session_log=session), step)

    def _get_file_writer(self) -> FileWriter:
        if self.file_writer is None:
            self.file_writer = _FileWriter(str(self.log_dir), self.filename_suffix)
            self.all_writers = {self.file_writer.get_logdir(): self.file_writer}
        return self.file_writer

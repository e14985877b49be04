"""One writer at a time: locks that are free again once their owner is gone, however it ended.

The kernel keeps the lock, on a hidden file at the place that is written to. Programs on other
machines see it where the disk is shared, and no clock or process table has to be asked whether the
owner lives. Processes that the owner forks share it: they write to the place as well. The package
`filelock` is not used: depending on its version it empties the file, which tells here who the owner
is, or falls back on files that a killed process leaves behind.
"""

import json
import os
import socket
import warnings
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

from mdn.data.kernel_lock import NO_LOCKS, try_lock
from mdn.data.write_errors import WriteError, writing

_NOTHING = "nothing has been written yet"


@dataclass(frozen=True)
class Owner:
    """Who writes, and since when."""

    command: str
    process: int
    machine: str
    since: str

    def __str__(self) -> str:
        return f"{self.command}, process {self.process} on {self.machine}, since {self.since}"


class HeldError(Exception):
    """Somebody else writes there; `owner` says who, where that can be read."""

    def __init__(self, owner: Owner | None) -> None:
        super().__init__(str(owner or "another command"))
        self.owner = owner


class Lock:
    """The right to write at a place, held until its release or the end of the process.

    Args:
        path: of the hidden file; its folder is made where it is missing.
        command: what the owner is called.

    Attributes:
        left_by: the owner that ended without a release; None where there was none.
        began: when it was taken, in seconds since the epoch, by the clock of the disk.

    Raises:
        HeldError: if somebody else holds it.
        OSError: if the folder cannot be made, or `WriteError` if the file cannot be.
    """

    def __init__(self, path: Path, command: str) -> None:
        self.path = path
        self._descriptor, is_locked = _open(path)
        self.left_by = _read(self._descriptor) if is_locked else None
        try:
            with writing(path, _NOTHING):
                _sign(self._descriptor, command)
                self.began = os.fstat(self._descriptor).st_mtime
        except OSError:
            self.release()
            raise

    def release(self, *, remove: bool = True) -> None:
        """Give the place up; a file that is not removed tells who has been there."""
        if remove:
            with suppress(OSError):
                self.path.unlink()  # still under the lock: nobody else's file
        os.close(self._descriptor)


def _open(path: Path) -> tuple[int, bool]:
    # An earlier owner removes the file with its lock, and perhaps the folder: then they are new.
    while True:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        except FileNotFoundError:
            continue
        except OSError as error:
            raise WriteError(path, error, _NOTHING) from None
        try:
            is_locked = _lock(descriptor, path)
        except BaseException:
            os.close(descriptor)
            raise
        if _is_at(path, descriptor):
            return descriptor, is_locked
        os.close(descriptor)


def _lock(descriptor: int, path: Path) -> bool:
    try:
        is_locked = try_lock(descriptor)
    except OSError as error:
        if error.errno not in NO_LOCKS:
            raise
        warnings.warn(
            f"the disk of {path.parent} has no locks ({error.strerror}): two commands that write "
            "there at once would not be noticed",
            stacklevel=2,
        )
        return False
    if not is_locked:
        raise HeldError(_read(descriptor))
    return True


def _is_at(path: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False


def _read(descriptor: int) -> Owner | None:
    os.lseek(descriptor, 0, os.SEEK_SET)
    try:
        return Owner(**json.loads(os.read(descriptor, 1 << 16)))
    except (ValueError, TypeError):  # it has only just been made, or is somebody else's
        return None


def _sign(descriptor: int, command: str) -> None:
    since = f"{datetime.now():%Y-%m-%d %H:%M:%S}"
    owner = Owner(command, os.getpid(), socket.gethostname(), since)
    os.ftruncate(descriptor, 0)
    os.lseek(descriptor, 0, os.SEEK_SET)
    os.write(descriptor, json.dumps(asdict(owner)).encode())

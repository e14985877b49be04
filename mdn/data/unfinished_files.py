"""Names and locks of files that are being written, and the removal of those nobody writes any more.

A file is written under another name beside its own, `.NAME.HOST-PROCESS-RANDOM.part`. Its writer
holds a lock on it, which the system releases when the writer ends, however it ends; the number of a
process proves nothing, being used again, and different in another container. Whoever gets the lock
knows the writer dead and removes the file. Some network disks keep no locks, or only those of one
machine. So the file of another machine, and one that cannot be locked, must be untouched for a day.
"""

import os
import platform
import re
import secrets
import sys
import time
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from mdn.data.kernel_lock import try_lock
from mdn.data.write_errors import writing

_CAN_LOCK = sys.platform != "win32"
"""Whether a file can be renamed while it is open, as a locked one is."""

_NAME = re.compile(r"\..*\.(?:(?P<host>[0-9a-f]{8})-)?[0-9]+-[0-9a-f]{8}\.part", re.DOTALL)
_LONGEST = 200
"""Bytes of the name of a file that the name beside it repeats; file systems take 255."""

_DAY = 86400.0

_swept: set[str] = set()
"""Folders that this process has swept."""


@contextmanager
def unfinished(path: Path) -> Iterator[Path]:
    """Make an empty file beside another, hold its lock, and remove it if it is still there."""
    with ExitStack() as cleanup:
        while True:
            part = name_beside(path)
            cleanup.callback(_remove, part)
            with writing(path):
                descriptor = os.open(part, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o666)
            if not _CAN_LOCK:
                os.close(descriptor)
                break
            cleanup.callback(os.close, descriptor)
            if _lock(descriptor) is not False and os.fstat(descriptor).st_nlink > 0:
                break  # else it was swept before it was locked
        yield part


def name_beside(path: Path) -> Path:
    """Return a unique name beside a file, which is never too long where that of the file is not."""
    unique = f"{_host()}-{os.getpid()}-{secrets.token_hex(4)}"
    return path.with_name(f".{start_of_name(path)}.{unique}.part")


def start_of_name(path: Path) -> str:
    """Return as much of the name of a file as that of another one may repeat."""
    return os.fsdecode(os.fsencode(path.name)[:_LONGEST])


def sweep_once(folder: Path) -> None:
    """As `sweep`, at the first call of this process for a folder."""
    where = os.path.abspath(folder)
    if where not in _swept:
        _swept.add(where)
        sweep(folder)


def sweep(folder: Path) -> None:
    """Remove the unfinished files in a folder whose writers are dead; not on Windows."""
    if not _CAN_LOCK:
        return
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            found = _NAME.fullmatch(entry.name)
            if found and entry.is_file(follow_symlinks=False):
                _sweep(Path(entry.path), found["host"] == _host())


def _sweep(part: Path, from_here: bool) -> None:
    with suppress(OSError), ExitStack() as cleanup:
        descriptor = os.open(part, os.O_RDWR)
        cleanup.callback(os.close, descriptor)
        locked = _lock(descriptor)
        untouched = time.time() - os.fstat(descriptor).st_mtime > _DAY
        if (locked and from_here) or (locked is not False and untouched):
            os.unlink(part)


def _lock(descriptor: int) -> bool | None:
    """Tell whether a file is locked now by this process; None where there are no locks."""
    try:
        return try_lock(descriptor)
    except OSError:
        return None


def _remove(part: Path) -> None:
    with suppress(OSError):  # a disk that takes no changes, or a folder that is gone
        part.unlink()


def _host() -> str:
    return f"{zlib.crc32(platform.node().encode()):08x}"

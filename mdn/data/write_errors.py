"""One sentence for a file that cannot be written: which, why, what is whole, and what to do."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_MAKE_ROOM = "make room and try again"
_OTHER_PLACE = "name a place that can be written to"
_FOLDER_IN_PATH = (
    "a file has the name of one of its folders; remove that file or name another place"
)

_ADVICE = {
    errno.ENOSPC: _MAKE_ROOM,
    errno.EDQUOT: _MAKE_ROOM,
    errno.EFBIG: "raise the limit on the size of files (ulimit -f), or write to another disk",
    errno.EIO: "the disk or the way to it fails; write to another one",
    errno.EROFS: _OTHER_PLACE,
    errno.EACCES: _OTHER_PLACE,
    errno.EPERM: _OTHER_PLACE,
    errno.ENAMETOOLONG: "give it a shorter name",
    errno.ENOTDIR: _FOLDER_IN_PATH,
    errno.EEXIST: "a file has this name; remove it or name another place",
    errno.ENOENT: "its folder is gone; make it again, or name another place",
    errno.EISDIR: "a folder has this name; remove it or give another name",
}
"""What to do, by the error of the operating system."""

_NO_READER_RAISES = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS)


class WriteError(OSError):
    """A file that could not be written; its message is one sentence that names the file.

    Attributes:
        path: the file.
    """

    def __init__(self, path: Path, reason: OSError, whole: str | None = None) -> None:
        super().__init__(_sentence(path, reason, whole))
        self.path = path
        self.errno = reason.errno


@contextmanager
def writing(path: str | Path, whole: str | None = None) -> Iterator[None]:
    """Raise `WriteError` for every error of the system inside, where one file is written.

    Args:
        path: the file, by the name that its reader knows.
        whole: what is whole all the same; by default the file that was there before.
    """
    try:
        yield
    except WriteError:
        raise
    except OSError as error:
        raise WriteError(Path(path), error, whole) from None


def as_write_error(error: Exception, parts: dict[Path, Path]) -> Exception:
    """Return the error to raise for one that ended the writing of files.

    A library may hide the error of the system behind its own. An error of another file, which is
    only read meanwhile, stays as it is.

    Args:
        error: what was raised.
        parts: the files by the paths that they are written under.
    """
    reason = _of_system(error)
    if reason is None or isinstance(reason, WriteError):
        return reason or error
    by_name = {str(part): path for part, path in parts.items()}
    if reason.filename in by_name:
        return WriteError(by_name[reason.filename], reason)
    unnamed = reason.filename is None and reason.errno in _ADVICE
    if unnamed or reason.errno in _NO_READER_RAISES:
        return WriteError(next(iter(parts.values())), reason)
    return error


def _of_system(error: BaseException) -> OSError | None:
    # PyTorch raises RuntimeError while it handles an OSError. A ValueError is our own sentence.
    if isinstance(error, OSError):
        return error
    earlier = error.__cause__ or error.__context__
    if earlier is None or isinstance(error, ValueError | TypeError):
        return None
    return _of_system(earlier)


def _sentence(path: Path, reason: OSError, whole: str | None) -> str:
    earlier = "the earlier file is as it was" if os.path.isfile(path) else "no file is there"
    advice = _ADVICE.get(reason.errno or 0, "try again")
    return f"{path} cannot be written: {_why(path, reason)}; {whole or earlier}; {advice}"


def _why(path: Path, reason: OSError) -> str:
    said = os.strerror(reason.errno) if reason.errno else str(reason)
    return f"{said}, as no inode is free" if _lacks_inodes(path, reason) else said


def _lacks_inodes(path: Path, reason: OSError) -> bool:
    if reason.errno != errno.ENOSPC or not hasattr(os, "statvfs"):
        return False
    with suppress(OSError):
        state = os.statvfs(path.parent)
        return state.f_files > 0 and state.f_favail == 0
    return False

"""Files that appear whole or not at all."""

import errno
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from mdn.data.unfinished_files import name_beside, sweep_once, unfinished
from mdn.data.write_errors import as_write_error, writing

_NO_SYNC = (errno.EINVAL, errno.ENOTSUP, errno.EBADF, errno.EACCES, errno.EPERM)
"""Errors of systems that cannot sync a folder."""

_RENAMED = "it is there and whole, but a power cut may undo that"


@contextmanager
def replaced(path: str | Path) -> Iterator[Path]:
    """Yield a path to write beside a file; what was written becomes the file when all goes well.

    The name beside it is unique, so that two programs do not write into one file, and has an
    ending of its own, so that nobody takes what a killed program has left for a whole file. The new
    file is on the disk before it takes the place of the old one. What dead programs have left in
    the folder is removed.

    Args:
        path: the file to write; its folder exists.

    Raises:
        WriteError: if the file cannot be written, whatever library has noticed it; the earlier file
            is then as it was.
    """
    with replaced_together(path) as (beside,):
        yield beside


@contextmanager
def replaced_together(*paths: str | Path) -> Iterator[list[Path]]:
    """As `replaced`, for several files of which none is new unless all of them are.

    Files are renamed one after the other. If one rename fails, the earlier ones are undone, where
    the disk has hard links. A program that is killed between two renames, which takes
    microseconds, leaves whole files, some of them new.
    """
    folders = {Path(path).parent: path for path in paths}
    for folder in folders:
        sweep_once(folder)
    with ExitStack() as cleanup:
        parts = {cleanup.enter_context(unfinished(Path(path))): Path(path) for path in paths}
        try:
            yield list(parts)
        except Exception as error:
            raised = as_write_error(error, parts)
            if raised is error:
                raise
            raise raised from None
        for part, path in parts.items():
            with writing(path):
                _sync(part)
        _rename(parts)
        for folder, path in folders.items():
            with writing(path, whole=_RENAMED):
                _sync_folder(folder)


def write_text(text: str, path: str | Path) -> None:
    """Write a text file in UTF-8, whole or not at all."""
    write_bytes(text.encode(), path)


def write_bytes(content: bytes, path: str | Path) -> None:
    """Write a file, whole or not at all."""
    with replaced(path) as beside:
        beside.write_bytes(content)


def write_together(contents: dict[Path, bytes]) -> None:
    """Write several files as `replaced_together` does."""
    with replaced_together(*contents) as parts:
        for part, (path, content) in zip(parts, contents.items(), strict=True):
            with writing(path):
                part.write_bytes(content)


def make_folder(path: str | Path) -> None:
    """Make a folder, and those above it, unless they exist.

    Raises:
        WriteError: if it cannot be made.
    """
    path = Path(path)
    if not path.is_dir():
        with writing(path, whole="there is no such folder"):
            path.mkdir(parents=True, exist_ok=True)
        with writing(path, whole=_RENAMED):
            _sync_folder(path.parent)


def _rename(parts: dict[Path, Path]) -> None:
    with ExitStack() as undo:
        for part, path in parts.items():
            if len(parts) > 1:
                undo.enter_context(_put_back_on_error(path))
            with writing(path):
                os.replace(part, path)


@contextmanager
def _put_back_on_error(path: Path) -> Iterator[None]:
    kept, existed = name_beside(path), path.exists()
    with suppress(OSError):  # a disk without hard links, or no file yet
        os.link(path, kept)
    try:
        yield
    except BaseException:
        with suppress(OSError):
            os.replace(kept, path) if existed else path.unlink()
        raise
    finally:
        with suppress(OSError):
            kept.unlink()


def _sync_folder(folder: Path) -> None:
    try:
        _sync(folder)
    except OSError as error:
        if error.errno not in _NO_SYNC:
            raise


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

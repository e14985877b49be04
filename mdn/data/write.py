"""Files that appear whole or not at all."""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


@contextmanager
def replaced(path: str | Path) -> Iterator[Path]:
    """Yield a path to write beside a file; what was written becomes the file when all goes well.

    The name beside it is unique, so that two programs do not write into one file, and has an
    ending of its own, so that nobody takes what a killed program has left for a whole file. The new
    file is on the disk before it takes the place of the old one.

    Args:
        path: the file to write; its folder exists.
    """
    with replaced_together(path) as (beside,):
        yield beside


@contextmanager
def replaced_together(*paths: str | Path) -> Iterator[list[Path]]:
    """As `replaced`, for several files of which none is new unless all of them are."""
    beside = {_beside(Path(path)): Path(path) for path in paths}
    try:
        yield list(beside)
        for written in beside:
            _sync(written)
        for written, path in beside.items():
            os.replace(written, path)
        for folder in {path.parent for path in beside.values()}:
            with suppress(OSError):  # not every system lets a folder be opened
                _sync(folder)
    finally:
        for written in beside:
            written.unlink(missing_ok=True)


def _beside(path: Path) -> Path:
    return path.with_name(f".{path.name}.{os.getpid()}-{secrets.token_hex(4)}.part")


def write_text(text: str, path: str | Path) -> None:
    """Write a text file in UTF-8, whole or not at all."""
    with replaced(path) as beside:
        beside.write_text(text, encoding="utf-8")


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

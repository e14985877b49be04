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
    path = Path(path)
    beside = path.with_name(f".{path.name}.{os.getpid()}-{secrets.token_hex(4)}.part")
    try:
        yield beside
        _sync(beside)
        os.replace(beside, path)
        with suppress(OSError):  # not every system lets a folder be opened
            _sync(path.parent)
    finally:
        beside.unlink(missing_ok=True)


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

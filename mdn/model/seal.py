"""A digest over every byte of a file, kept at its end.

A checkpoint is a ZIP archive, and `torch.load` notices no flipped bit in it. The digest stands in
the comment of the archive, its last bytes: the mark below, then SHA-256 over all that comes before
the digest, in hexadecimal. So `torch.load` and every ZIP program still read the file, and a change
of any byte is noticed. It guards against damage; whoever can write a file can write its digest.
"""

import hashlib
import os
from pathlib import Path
from typing import BinaryIO

_MARK = b"mdn sha256 "
_DIGITS = 64
_NO_COMMENT = b"\0\0"
_AT_ONCE = 2**20


def seal(path: Path) -> None:
    """Add the digest to a ZIP archive without a comment."""
    with path.open("r+b") as file:
        file.seek(-len(_NO_COMMENT), os.SEEK_END)
        assert file.read() == _NO_COMMENT
        file.seek(-len(_NO_COMMENT), os.SEEK_END)
        file.write((len(_MARK) + _DIGITS).to_bytes(2, "little") + _MARK)
        digest = _digest(file, file.tell())
        file.seek(0, os.SEEK_END)
        file.write(digest)


def check_seal(path: str | Path) -> None:
    """Refuse a file that is not what it was when it was sealed.

    Raises:
        ValueError: if the file has no digest, or another one.
    """
    with Path(path).open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        begins = max(0, size - _DIGITS - len(_MARK))
        file.seek(begins)
        mark, said = file.read(len(_MARK)), file.read()
        if mark != _MARK:
            raise ValueError(
                f"{path} is not a whole checkpoint of this project: the digest at its end is "
                "missing. It was cut short, or written by another program or by a version before "
                "digests; take another copy, or train again"
            )
        if _digest(file, size - _DIGITS) != said:
            raise ValueError(
                f"{path} is damaged: its bytes do not match the digest at its end; take another "
                "copy, or train again"
            )


def _digest(file: BinaryIO, size: int) -> bytes:
    """Compute the digest of the first bytes of a file."""
    file.seek(0)
    digest = hashlib.sha256()
    while size > 0:
        piece = file.read(min(size, _AT_ONCE))
        digest.update(piece)
        size -= max(1, len(piece))
    return digest.hexdigest().encode()

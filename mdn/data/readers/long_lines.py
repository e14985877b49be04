"""Lines that are too long to be rows, refused before they fill the memory."""

from collections.abc import Iterator
from io import TextIOBase
from pathlib import Path

LONGEST_LINE = 1 << 24
"""Bytes, which are enough for a million columns."""


def too_long(name: Path | str) -> ValueError:
    """Make the error to raise at a line that is too long."""
    return ValueError(
        f"{name} has a line of more than {LONGEST_LINE >> 20} MiB, which is no row of a table; "
        "export it again with a line end after each row"
    )


class LineLengths:
    """Watches text that comes in blocks for a line that is too long.

    Args:
        name: what to call the text in a message.
    """

    def __init__(self, name: Path | str) -> None:
        self._name, self._open = name, 0

    def see(self, block: bytes) -> None:
        """See the next block.

        Raises:
            ValueError: if a line has become too long.
        """
        end = max(block.rfind(b"\n"), block.rfind(b"\r"))
        self._open = self._open + len(block) if end < 0 else len(block) - end - 1
        if self._open > LONGEST_LINE:
            raise too_long(self._name)


def short_lines(text: TextIOBase, name: Path | str) -> Iterator[str]:
    """Yield the lines of a text.

    Raises:
        ValueError: at a line that is too long.
    """
    while line := text.readline(LONGEST_LINE):
        if len(line) == LONGEST_LINE:
            raise too_long(name)
        yield line

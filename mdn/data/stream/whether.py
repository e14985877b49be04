"""Whether rows are streamed or read into memory."""

from collections.abc import Sequence
from pathlib import Path

from mdn.data.columns import assign_roles
from mdn.data.files import open_rows
from mdn.data.stream.row_groups import row_groups
from mdn.data.table import ColumnKeys
from mdn.distributions.checks import available_memory
from mdn.distributions.open_settings import Auto

Wanted = tuple[ColumnKeys, ColumnKeys | None, str | int | None]
"""The targets, the inputs and the weight, by name or position."""

SHARE = 0.25
"""The share of the memory that is left, of which rows may take so much; training takes twice it."""


def must_stream(stream: bool | Auto, paths: Sequence[str | Path], columns: Wanted) -> bool:
    """Tell whether the rows of files stay there.

    Args:
        stream: what is wanted; "auto" streams what would take too much memory.
        paths: of the files.
        columns: that are wanted of the first one.

    Raises:
        ValueError: if they are to be streamed, and one is not a Parquet file.
    """
    if stream is True:
        _check_parquet(paths)
        return True
    if stream is False or not all(map(_is_parquet, paths)):
        return False
    width = len(assign_roles(open_rows(paths[0]).head, *columns).names)
    return any(8 * width * _rows(path) > SHARE * available_memory() for path in paths)


def _check_parquet(paths: Sequence[str | Path]) -> None:
    for path in paths:
        if not _is_parquet(path):
            raise ValueError(
                f"`stream=True` reads row groups of Parquet, and {path} is another file; turn it "
                "into Parquet, or set `stream=False` to read it into memory"
            )


def _is_parquet(path: str | Path) -> bool:
    return Path(path).suffix.lower() == ".parquet"


def _rows(path: str | Path) -> int:
    return sum(group.num_rows for group in row_groups([Path(path)]))

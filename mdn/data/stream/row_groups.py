"""Parquet files as lists of row groups, each of which can be read on its own."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import pyarrow as pa
from pyarrow import parquet

from mdn.data.parquet_reader import whole_parquet

_BUFFER = 2**18
"""Bytes of a column that are read at once."""


@dataclass(frozen=True)
class RowGroup:
    """One row group of a Parquet file.

    Attributes:
        path: of the file.
        index: of the row group in it.
        start: the number of its first row among the rows of all files.
        num_rows: how many rows it has.
    """

    path: Path
    index: int
    start: int
    num_rows: int

    def blocks(self, names: Sequence[str], rows: int) -> Iterator[pa.Table]:
        """Read some columns, so many rows at a time."""
        with whole_parquet(self.path), _open(self.path, _footer(self.path)) as file:
            batches = file.iter_batches(
                rows, row_groups=[self.index], columns=list(names), use_threads=False
            )
            for batch in batches:
                yield pa.Table.from_batches([batch])


def row_groups(paths: Sequence[Path]) -> tuple[RowGroup, ...]:
    """List the row groups of files, which have the same columns."""
    groups: list[RowGroup] = []
    start = 0
    for path in paths:
        with whole_parquet(path):
            footer = _footer(path)
        for index in range(footer.num_row_groups):
            num_rows = footer.row_group(index).num_rows
            groups.append(RowGroup(path, index, start, num_rows))
            start += num_rows
    return tuple(groups)


@lru_cache(maxsize=64)
def _footer(path: Path) -> parquet.FileMetaData:
    return parquet.read_metadata(path)


def _open(path: Path, footer: parquet.FileMetaData) -> parquet.ParquetFile:
    return parquet.ParquetFile(
        path,
        metadata=footer,
        pre_buffer=False,
        buffer_size=_BUFFER,
        page_checksum_verification=True,
    )

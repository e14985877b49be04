"""Whether rows are streamed or read into memory."""

from collections.abc import Sequence
from functools import singledispatch
from pathlib import Path

from mdn.data.files import open_rows
from mdn.data.readers.csv_reader import CsvReader
from mdn.data.readers.parquet_files import ParquetFiles
from mdn.data.readers.parquet_reader import ParquetReader
from mdn.data.readers.reader import Reader
from mdn.data.stream.row_groups import row_groups
from mdn.distributions.checks import available_memory
from mdn.distributions.open_settings import Auto

SHARE = 0.25
"""The share of the free memory that rows may take; to train on them takes about twice as much."""


def must_stream(stream: bool | Auto, paths: Sequence[str | Path]) -> bool:
    """Tell whether the rows of files stay there.

    Args:
        stream: what is wanted; "auto" streams what would take too much memory.
        paths: of the files.
    """
    if stream != "auto":
        return stream
    return any(num_bytes(open_rows(path)) > SHARE * available_memory() for path in paths)


@singledispatch
def num_bytes(reader: Reader) -> float:
    """Return about how many bytes the rows of a file take in memory."""
    path = Path(reader.head.source)
    size = path.stat().st_size if path.exists() else 0
    return float(size)


@num_bytes.register
def _of_text(reader: CsvReader) -> float:
    return 8.0 * reader.num_values


@num_bytes.register
def _of_parquet(reader: ParquetReader | ParquetFiles) -> float:
    rows = sum(group.num_rows for group in row_groups(reader))
    return 8.0 * rows * len(reader.head.names)

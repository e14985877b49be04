"""Parquet, whose row groups may be of any size."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
from pyarrow import parquet

from mdn.data.readers.blocks import block_rows
from mdn.data.readers.reader import (
    Reader,
    Wanted,
    check_names,
    first_line,
    no_rows,
    row_number,
    without_index,
)

NOTES = "mdn.notes"
"""Under which a copy of a text file keeps what was guessed of it."""

FORMATS = "mdn.formats"
"""Under which it keeps how its columns were written."""


BUFFER = 1 << 18
"""Bytes of a column that are read at once; without a buffer a whole row group of it is."""


class ParquetReader(Reader):
    """A Parquet file whose pages are held against their checksums, where it has them."""

    def __init__(self, path: Path) -> None:
        self.path = path
        with whole_parquet(path):
            self._file = parquet.ParquetFile(
                path, page_checksum_verification=True, pre_buffer=False, buffer_size=BUFFER
            )
        self._read = 0
        names = without_index(self._file.schema_arrow.names)
        check_names(path, names)
        self.head = no_rows(path, names)

    @property
    def schema(self) -> pa.Schema:
        """The types of the columns."""
        return self._file.schema_arrow

    @property
    def notes(self) -> list[str]:
        return json.loads(self._kept.get(NOTES.encode(), b"[]"))

    @property
    def formats(self) -> dict[str, str]:
        return json.loads(self._kept.get(FORMATS.encode(), b"{}"))

    @property
    def _kept(self) -> dict[bytes, bytes]:
        return self._file.metadata.metadata or {}

    def fraction(self) -> float | None:
        return self._read / max(1, self._file.metadata.num_rows)

    def _whole(self, names: list[str], wanted: Wanted) -> pa.Table:
        with self._file, whole_parquet(self.path):
            return self._file.read(names)

    def _blocks(self, names: list[str], others: list[str], wanted: Wanted) -> Iterator[pa.Table]:
        with self._file, whole_parquet(self.path):
            rows = block_rows(self.schema, [*names, *others])
            for batch in self._file.iter_batches(rows, columns=[*names, *others]):
                self._read += batch.num_rows
                yield pa.Table.from_batches([batch])

    def _place(self, row: int) -> str:
        return row_number(row)


@contextmanager
def whole_parquet(path: Path) -> Iterator[None]:
    """Refuse a file that is cut short, damaged or something else."""
    try:
        yield
    except (pa.ArrowException, OSError) as error:
        raise ValueError(
            f"{path} is not a whole Parquet file: {first_line(error)}; write or copy it again"
        ) from None

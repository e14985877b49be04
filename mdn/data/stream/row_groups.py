"""Parquet files as lists of row groups, each of which can be read on its own."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import singledispatch
from pathlib import Path

import pyarrow as pa
from pyarrow import dataset, parquet

from mdn.data.readers.parquet_files import ParquetFiles
from mdn.data.readers.parquet_reader import BUFFER, ParquetReader, whole_parquet
from mdn.data.readers.reader import Reader


@dataclass(frozen=True, eq=False)
class ParquetPart:
    """One of the files of a source.

    Attributes:
        path: of the file.
        footer: of the file, read once.
        schema: of all files together.
        constants: values of the columns that the names of folders tell.
    """

    path: Path
    footer: parquet.FileMetaData
    schema: pa.Schema
    constants: Mapping[str, object]

    def read(self, group: int, names: Sequence[str], rows: int) -> Iterator[pa.Table]:
        """Read some columns of a row group, so many rows at a time."""
        inside = [name for name in names if name not in self.constants]
        with whole_parquet(self.path), self._open() as file:
            for batch in file.iter_batches(
                rows, row_groups=[group], columns=inside, use_threads=False
            ):
                yield self._completed(batch, names)

    def _open(self) -> parquet.ParquetFile:
        return parquet.ParquetFile(
            self.path,
            metadata=self.footer,
            pre_buffer=False,
            buffer_size=BUFFER,
            page_checksum_verification=True,
        )

    def _completed(self, batch: pa.RecordBatch, names: Sequence[str]) -> pa.Table:
        columns = []
        for name in names:
            kind = self.schema.field(name).type
            if name in self.constants:
                columns.append(pa.repeat(pa.scalar(self.constants[name], kind), batch.num_rows))
            else:
                columns.append(batch.column(name).cast(kind))
        return pa.table(columns, names=list(names))


@dataclass(frozen=True, eq=False)
class RowGroup:
    """One row group of a source.

    Attributes:
        file: where it is.
        index: of the row group in it.
        start: the number of its first row among the rows of all files.
        num_rows: how many rows it has.
    """

    file: ParquetPart
    index: int
    start: int
    num_rows: int

    def blocks(self, names: Sequence[str], rows: int) -> Iterator[pa.Table]:
        """Read some columns, so many rows at a time."""
        return self.file.read(self.index, names, rows)


def row_groups(reader: Reader) -> tuple[RowGroup, ...]:
    """List the row groups of what a reader reads.

    Raises:
        ValueError: if it is not Parquet.
    """
    groups: list[RowGroup] = []
    start = 0
    for part in parquet_parts(reader):
        for index in range(part.footer.num_row_groups):
            num_rows = part.footer.row_group(index).num_rows
            groups.append(RowGroup(part, index, start, num_rows))
            start += num_rows
    return tuple(groups)


def is_parquet(reader: Reader) -> bool:
    """Tell whether a reader reads Parquet."""
    return isinstance(reader, ParquetReader | ParquetFiles)


def schema_of(reader: Reader) -> pa.Schema:
    """Return the types of the columns of Parquet, in one file or several."""
    return parquet_parts(reader)[0].schema


@singledispatch
def parquet_parts(reader: Reader) -> list[ParquetPart]:
    """List the Parquet files that a reader reads.

    Raises:
        ValueError: if it is another file.
    """
    raise ValueError(f"{reader.head.source} has no row groups: it is not Parquet")


@parquet_parts.register
def _of_file(reader: ParquetReader) -> list[ParquetPart]:
    return [_part(reader.path, reader.schema, {})]


@parquet_parts.register
def _of_files(reader: ParquetFiles) -> list[ParquetPart]:
    fragments = reader.dataset.get_fragments()
    return [
        _part(
            Path(fragment.path),
            reader.dataset.schema,
            dataset.get_partition_keys(fragment.partition_expression),
        )
        for fragment in fragments
    ]


def _part(path: Path, schema: pa.Schema, constants: Mapping[str, object]) -> ParquetPart:
    with whole_parquet(path):
        return ParquetPart(path, parquet.read_metadata(path), schema, constants)

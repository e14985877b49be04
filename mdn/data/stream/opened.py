"""Files that are opened to be streamed: their row groups, and the types of their columns."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pyarrow as pa

from mdn.data.files import open_rows
from mdn.data.kinds.wanted_formats import wanted_formats
from mdn.data.readers.columns import Columns
from mdn.data.readers.parquet_copy import as_parquet
from mdn.data.readers.reader import Reader, row_number
from mdn.data.reading import Reading
from mdn.data.roles import Roles, names_to_read
from mdn.data.splits.marks import Marks, marks_of
from mdn.data.splits.settings import SplitBy
from mdn.data.stream.decode import decoder
from mdn.data.stream.row_groups import RowGroup, is_parquet, row_groups, schema_of
from mdn.data.stream.source import Source, chunk_rows
from mdn.data.table import SaidKinds
from mdn.networks.kinds import Kind

COPIES = "parquet-copies"
"""The folder beside a file of text in which its copy is."""


@dataclass(frozen=True, eq=False)
class OpenedFile:
    """Rows in row groups.

    Attributes:
        head: the columns, without rows.
        groups: the row groups.
        notes: what was guessed, in sentences.
        formats: how columns of text were read.
    """

    head: Columns
    groups: tuple[RowGroup, ...]
    notes: tuple[str, ...]
    formats: Mapping[str, str]

    def blocks(self, names: Sequence[str]) -> Iterator[pa.Table]:
        """Read some columns of all rows."""
        for group in self.groups:
            yield from group.blocks(names, chunk_rows(len(names)))

    def marks(self, by: SplitBy) -> Iterator[Marks]:
        """Read what rows are split by."""
        for block in self.blocks([str(key) for key in by.columns]):
            yield marks_of(Columns(self.head.source, block, row_number), by)

    @property
    def num_rows(self) -> int:
        """How many rows there are."""
        return sum(group.num_rows for group in self.groups)

    def source(
        self, roles: Roles, inputs: dict[str, Kind], reading: Reading, by: SplitBy
    ) -> Source:
        """Return the rows, as columns with these roles and kinds."""
        used = replace(roles, inputs=list(inputs))
        decode = decoder(used, inputs, reading, by)
        return Source(
            self.head.source, self.groups, names_to_read(used, by), tuple(inputs.values()), decode
        )


def open_stream(
    path: str | Path, kinds: SaidKinds, formats: Mapping[str, str] | None = None
) -> OpenedFile:
    """Open a file, and copy it to Parquet first where it is another one.

    Args:
        path: of a file, a folder or a pattern.
        kinds: of columns that would be taken for something else.
        formats: how columns of text are written, as the reading of another file has found.

    Raises:
        ValueError: if it is not what it should be, or has no rows.
    """
    reader = open_rows(path)
    wanted = wanted_formats(kinds) | dict(formats or {})
    notes = list(reader.notes)
    if not is_parquet(reader):
        copy = as_parquet(reader, Path(path).absolute().parent / COPIES, _among(wanted, reader))
        notes.append(f"{path} is copied to {copy}, from which rows are read in each epoch")
        reader = open_rows(copy)
    groups = row_groups(reader)
    empty = schema_of(reader).empty_table().select(reader.head.names)
    head = Columns(str(path), empty, row_number, reader.head.left_out)
    opened = OpenedFile(head, groups, tuple(notes), reader.formats)
    if opened.num_rows == 0:
        raise ValueError(f"{path} has column names and no rows; give it at least one row")
    return opened


def _among(wanted: Mapping[str, str], reader: Reader) -> dict[str, str]:
    return {name: wanted[name] for name in reader.head.names if name in wanted}

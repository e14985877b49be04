"""Files that are opened to be streamed: their row groups, and the types of their columns."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from mdn.data.columns import Columns
from mdn.data.files import open_rows
from mdn.data.parquet_copy import as_parquet
from mdn.data.reader import Reader, row_number
from mdn.data.reading import Reading
from mdn.data.roles import Roles
from mdn.data.stream.decode import decoder
from mdn.data.stream.row_groups import RowGroup, is_parquet, row_groups, schema_of
from mdn.data.stream.source import Source, chunk_rows
from mdn.data.table import SaidKinds
from mdn.data.wanted_formats import wanted_formats
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
    """

    head: Columns
    groups: tuple[RowGroup, ...]
    notes: tuple[str, ...]

    def blocks(self, names: Sequence[str]) -> Iterator[pa.Table]:
        """Read some columns of all rows."""
        for group in self.groups:
            yield from group.blocks(names, chunk_rows(len(names)))

    def source(self, roles: Roles, inputs: dict[str, Kind], reading: Reading) -> Source:
        """Return the rows, as columns with these roles and kinds."""
        names = [*inputs, *roles.targets, *([] if roles.weight is None else [roles.weight])]
        return Source(self.head.source, self.groups, names, decoder(roles, inputs, reading))


def open_stream(path: str | Path, kinds: SaidKinds) -> OpenedFile:
    """Open a file, and copy it to Parquet first where it is another one.

    Args:
        path: of a file, a folder or a pattern.
        kinds: of columns that would be taken for something else.

    Raises:
        ValueError: if it is not what it should be, or has no rows.
    """
    reader = open_rows(path)
    notes = list(reader.notes)
    if not is_parquet(reader):
        copy = as_parquet(reader, Path(path).absolute().parent / COPIES, _wanted(reader, kinds))
        notes.append(f"{path} is copied to {copy}, from which rows are read in each epoch")
        reader = open_rows(copy)
    groups = row_groups(reader)
    if sum(group.num_rows for group in groups) == 0:
        raise ValueError(f"{path} has column names and no rows; give it at least one row")
    empty = schema_of(reader).empty_table().select(reader.head.names)
    head = Columns(str(path), empty, row_number, reader.head.left_out)
    return OpenedFile(head, groups, tuple(notes))


def _wanted(reader: Reader, kinds: SaidKinds) -> dict[str, str]:
    wanted = wanted_formats(kinds)
    return {name: wanted[name] for name in reader.head.names if name in wanted}

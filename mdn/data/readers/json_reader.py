"""JSON lines: one object a line, whose members are columns."""

from pathlib import Path

import pyarrow as pa
from pyarrow import json

from mdn.data.readers.csv_source import FileSource, damage
from mdn.data.readers.reader import WholeReader, first_line

_BLOCK = 1 << 24
"""Bytes of a block, and the most of a line."""


class JsonReader(WholeReader):
    """JSON lines, packed or not; an object in an object gives columns named `outer.inner`."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, _flat(_read(path)))


def _read(path: Path) -> pa.Table:
    try:
        with damage(path), FileSource(path).open() as stream:
            return json.read_json(stream, json.ReadOptions(block_size=_BLOCK))
    except pa.ArrowException as error:
        raise ValueError(
            f"{path} cannot be read as JSON lines: {first_line(error)}; write one object a line, "
            "each with values of the same types"
        ) from None


def _flat(table: pa.Table) -> pa.Table:
    while any(pa.types.is_struct(field.type) for field in table.schema):
        table = table.flatten()
    return table

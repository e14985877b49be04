"""Write tables one after the other to a file that appears whole or not at all."""

import sys
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

import pyarrow as pa
from pyarrow import csv, parquet

from mdn.app.writable import check_writable
from mdn.data.write import replaced

STANDARD_OUTPUT = "-"


def _csv_writer(sink: Path | BinaryIO, schema: pa.Schema) -> csv.CSVWriter:
    nested = [field for field in schema if pa.types.is_nested(field.type)]
    if nested:
        raise ValueError(
            f"column {nested[0].name!r} is of type {nested[0].type}, which a CSV file cannot hold; "
            "write .parquet, or leave it out of id"
        )
    return csv.CSVWriter(sink, schema)


Writer = parquet.ParquetWriter | csv.CSVWriter

FORMATS: dict[str, Callable[[Path, pa.Schema], Writer]] = {
    ".parquet": parquet.ParquetWriter,
    ".csv": _csv_writer,
}
"""Writers by the ending of the file."""


class TableWriter:
    """A context manager that writes tables to one Parquet or CSV file, or to standard output.

    Args:
        out: a .parquet or .csv file, or "-" for CSV on standard output.

    Attributes:
        path: of the file; None for standard output.

    Raises:
        ValueError: on another ending, or if no file can be written there.
        FileNotFoundError: if the folder does not exist.
    """

    def __init__(self, out: str) -> None:
        self.path = None if out == STANDARD_OUTPUT else Path(out)
        if self.path is not None:
            _check_out(self.path)
        self._writer: Writer | None = None
        self._files = ExitStack()

    def __enter__(self) -> "TableWriter":
        if self.path is not None:
            self._beside = self._files.enter_context(replaced(self.path))
        return self

    def write(self, table: pa.Table) -> None:
        """Append the rows of a table; all tables have the same columns."""
        if self._writer is None:
            self._writer = self._open(table.schema)
            self._files.callback(self._writer.close)
        self._writer.write_table(table)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._files.__exit__(kind, error, trace)

    def _open(self, schema: pa.Schema) -> Writer:
        if self.path is None:
            return _csv_writer(sys.stdout.buffer, schema)
        return FORMATS[self.path.suffix](self._beside, schema)


def _check_out(path: Path) -> None:
    if path.suffix not in FORMATS:
        raise ValueError(
            f"out must end with one of {', '.join(FORMATS)}, or be - for standard output; got "
            f"{str(path)!r}"
        )
    check_writable(path)

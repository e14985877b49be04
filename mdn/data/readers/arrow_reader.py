"""Arrow's own format, as Feather files and streams have it."""

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
from pyarrow import feather, ipc

from mdn.data.readers.reader import (
    Reader,
    Wanted,
    WholeReader,
    check_names,
    first_line,
    no_rows,
    row_number,
    without_index,
)


def open_arrow(path: Path) -> Reader:
    """Open a file of Arrow's format, old Feather and streams among them.

    Raises:
        ValueError: if it is none, or damaged.
    """
    try:
        with pa.OSFile(str(path)) as file:
            start = file.read(6)
        if start == b"ARROW1":
            return ArrowReader(path)
        if start.startswith(b"FEA1"):
            return WholeReader(path, feather.read_table(path))
        return WholeReader(path, ipc.open_stream(pa.memory_map(str(path))).read_all())
    except (pa.ArrowException, OSError) as error:
        raise _damaged(path, error) from None


class ArrowReader(Reader):
    """A file of Arrow's format, which is mapped into memory."""

    def __init__(self, path: Path) -> None:
        self._path, self._done = path, 0
        self._file = ipc.open_file(pa.memory_map(str(path)))
        names = without_index(self._file.schema.names)
        check_names(path, names)
        self.head = no_rows(path, names)

    def fraction(self) -> float | None:
        return self._done / max(1, self._file.num_record_batches)

    def _whole(self, names: list[str], wanted: Wanted) -> pa.Table:
        try:
            return self._file.read_all().select(names)
        except (pa.ArrowException, OSError) as error:
            raise _damaged(self._path, error) from None

    def _blocks(self, names: list[str], others: list[str], wanted: Wanted) -> Iterator[pa.Table]:
        try:
            for number in range(self._file.num_record_batches):
                batch = self._file.get_batch(number)
                self._done = number + 1
                yield pa.Table.from_batches([batch]).select([*names, *others])
        except (pa.ArrowException, OSError) as error:
            raise _damaged(self._path, error) from None

    def _place(self, row: int) -> str:
        return row_number(row)


def _damaged(path: Path, error: Exception) -> ValueError:
    return ValueError(
        f"{path} is not a whole Arrow file: {first_line(error)}; write or copy it again"
    )

"""A disk that fails while a file is read is said of that file, whatever is written meanwhile."""

import errno
import io
import os
from pathlib import Path

import pytest

from mdn.data.readers.csv_reader import CsvReader
from mdn.data.write import replaced

ROWS = 400_000


class FailingStream(io.BytesIO):
    """A stream whose second half cannot be read."""

    def read(self, size: int | None = -1) -> bytes:
        if self.tell() > ROWS:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return super().read(size)


@pytest.fixture
def reader():
    return CsvReader(Path("rows.csv"), FailingStream(b"x\n" + b"1.5\n" * ROWS))


SAID = r"^rows\.csv is cut short or damaged \(.*Input/output error\); write or copy it again$"


def test_a_fault_of_reading_is_not_taken_for_one_of_writing(reader, tmp_path):
    def copy():
        with replaced(tmp_path / "out.csv") as beside:
            for piece in reader.pieces(["x"], []):
                beside.write_text(str(piece.table.num_rows))

    with pytest.raises(ValueError, match=SAID):
        copy()
    assert not os.listdir(tmp_path)


def test_a_file_that_is_read_whole_is_named(reader):
    with pytest.raises(ValueError, match=SAID):
        reader.read(["x"])

"""Places that cannot be written to are refused at once."""

from pathlib import Path

import pytest

from mdn.app.writable import check_writable


def test_a_file_that_cannot_be_written_is_refused_at_once(tmp_path):
    check_writable(tmp_path / "a.csv")
    assert not list(tmp_path.iterdir())
    with pytest.raises(ValueError, match=r"is a folder; give the path of a file in it$"):
        check_writable(tmp_path)
    with pytest.raises(FileNotFoundError, match=r"there is no folder .*nowhere to write a\.csv"):
        check_writable(tmp_path / "nowhere" / "a.csv")
    if Path("/proc").is_dir():
        with pytest.raises(ValueError, match=r"^out=/proc/a\.csv cannot be written: its folder"):
            check_writable(Path("/proc/a.csv"))

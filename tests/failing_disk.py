"""A disk on which the n-th operation fails, and checks of what is then on it."""

import errno
import json
import shutil
import subprocess
import zipfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pytest
import yaml
from forked_commands import CommandServer, ForkedCommand
from pyarrow import parquet

import mdn

_SOURCE = Path(__file__).with_name("failing_disk.c")
Operation = tuple[str, str]


def library(folder: Path) -> Path:
    """The library that fails; skips where there is no compiler."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        pytest.skip("a disk that fails is written in C, and there is no compiler")
    built = folder / "failing_disk.so"
    command = [compiler, "-shared", "-fPIC", "-O1", "-o", built, _SOURCE, "-ldl"]
    made = subprocess.run(command, capture_output=True, check=False)
    if made.returncode:
        pytest.skip(f"a disk that fails does not compile here: {made.stderr.decode()[:200]}")
    return built


class FailingDisk:
    """A folder, as it was before a command, in which commands run on a disk that fails.

    Args:
        server: with the library in it.
        start: the folder as it is before a command.
        command: and its overrides.
        work: a folder for this alone.
    """

    def __init__(self, server: CommandServer, start: Path, work: Path, *command: str) -> None:
        self._server = server
        self._start = start
        self._command = command
        self._work = work
        self.before = files(start)

    def operations(self) -> list[Operation]:
        """What a command that goes well does on the disk, in order: kinds and paths."""
        log = self._work / "operations.txt"
        log.unlink(missing_ok=True)
        run = self._run({"FAIL_LOG": str(log)})
        assert run.wait() == 0, run.said
        lines = log.read_text().splitlines() if log.exists() else []
        return [(line[0], line[2:]) for line in lines]

    def run(self, at: int, error: int = errno.ENOSPC, full: bool = False) -> ForkedCommand:
        """Run it with one operation that fails, or a disk that is full from there on."""
        settings = {"FAIL_AT": str(at), "FAIL_ERRNO": str(error)}
        run = self._run(settings | ({"FAIL_FULL": "1"} if full else {}))
        run.wait()
        return run

    @property
    def disk(self) -> Path:
        """The folder of the last run."""
        return self._work / "disk"

    def _run(self, settings: Mapping[str, str]) -> ForkedCommand:
        shutil.rmtree(self.disk, ignore_errors=True)
        shutil.copytree(self._start, self.disk)
        said = self._work / "said"
        said.with_suffix(".txt").unlink(missing_ok=True)
        run = self._server.start(
            *self._command,
            folder=self.disk,
            name=str(said),
            environment={"FAIL_FOLDER": str(self.disk), **settings},
        )
        run.wait()
        return run


def announced(operations: list[Operation]) -> Iterator[int]:
    """The numbers of operations of which no two in a row are alike, and the last of those."""
    for at, operation in enumerate(operations):
        around = operations[max(0, at - 1) : at + 2]
        if any(each != operation for each in around) or at in (0, len(operations) - 1):
            yield at + 1


def files(folder: Path) -> dict[str, bytes]:
    """All files in a folder, with their content."""
    paths = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    return {str(path.relative_to(folder)): path.read_bytes() for path in paths}


def faults(disk: FailingDisk) -> list[str]:
    """What is wrong on a disk after a command has failed on it."""
    now = files(disk.disk)
    lost = [f"{name} is gone" for name in disk.before if name not in now]
    parts = [f"{name} is left" for name in now if name.endswith(".part")]
    cut = [f"{name} is not whole" for name in now if not _is_whole(disk, name, now[name])]
    return lost + parts + cut


def _is_whole(disk: FailingDisk, name: str, content: bytes) -> bool:
    before = disk.before.get(name)
    if content == before or ".part" in name:
        return True
    if "tfevents" in name:
        return content.startswith(before or b"")
    try:
        _READ.get(Path(name).suffix, lambda path: None)(disk.disk / name)
    except Exception:
        return False
    return True


def _rows_of_csv(path: Path) -> None:
    assert path.read_bytes().endswith(b"\n")
    pa.csv.read_csv(path)


def _ends_with(mark: bytes) -> Callable[[Path], None]:
    def check(path: Path) -> None:
        assert path.read_bytes().rstrip().endswith(mark)

    return check


def _zip(path: Path) -> None:
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None


def _yaml(path: Path) -> None:
    assert yaml.safe_load(path.read_text()) is not None


_READ: dict[str, Callable[[Path], object]] = {
    ".ckpt": mdn.load,
    ".csv": _rows_of_csv,
    ".html": _ends_with(b"</html>"),
    ".json": lambda path: json.loads(path.read_text()),
    ".npy": np.load,
    ".parquet": parquet.read_table,
    ".png": _ends_with(b"IEND\xaeB`\x82"),
    ".pt2": _zip,
    ".svg": _ends_with(b"</svg>"),
    ".yaml": _yaml,
}

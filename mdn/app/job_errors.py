"""Errors of the jobs of a sweep, each in a file of its job, or here if that cannot be written."""

from pathlib import Path

from mdn.app.run_directory import ERROR_FILE, METRICS_FILE
from mdn.data.write import write_text

_unwritten: dict[Path, str] = {}


def keep_error(message: str, directory: Path) -> None:
    """Keep the error of a job, whose last line the table of the sweep shows."""
    try:
        write_text(message, directory / ERROR_FILE)
    except OSError:  # the disk that the job has failed on
        _unwritten[directory.absolute()] = message


def error_of(directory: Path) -> str:
    """Return the last line of a job's error; empty if it has ended well."""
    path = directory / ERROR_FILE
    kept = _unwritten.get(directory.absolute(), "")
    message = path.read_text(encoding="utf-8") if path.exists() else kept
    if message.strip():
        return message.strip().splitlines()[-1]
    return "" if (directory / METRICS_FILE).exists() else f"it has left no {METRICS_FILE}"


def without_file(sweep: Path) -> list[Path]:
    """Return the directories of the jobs of a sweep whose error is in no file."""
    return [directory for directory in _unwritten if directory.parent == sweep.absolute()]


def forget_error(directory: Path) -> None:
    """Remove the error of a job that has been gone on with in its directory, and has ended well."""
    (directory / ERROR_FILE).unlink(missing_ok=True)

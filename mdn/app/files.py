"""The names of what a run leaves in its directory, and whether a file can be written."""

from pathlib import Path
from tempfile import TemporaryFile

METRICS_FILE = "metrics.json"
CONFIG_FILE = "config.yaml"
ERROR_FILE = "error.txt"
SWEEP_FILE = "sweep.csv"
REGRET_FILE = "regret.csv"
FIGURES = "figures"
REPORT_FILE = "report.html"


def check_writable(path: Path) -> None:
    """Refuse a path at which no file can be written, before anything is computed for it.

    Raises:
        FileNotFoundError: if its folder is not there.
        ValueError: if it is a folder itself, or its folder takes no files.
    """
    if not path.parent.is_dir():
        raise FileNotFoundError(
            f"there is no folder {path.parent} to write {path.name} in; make it"
        )
    if path.is_dir():
        raise ValueError(f"out={path} is a folder; give the path of a file in it")
    try:
        with TemporaryFile(dir=path.parent):
            pass
    except OSError as error:
        why = error.strerror or str(error)
        raise ValueError(
            f"out={path} cannot be written: its folder takes no files ({why}); name another"
        ) from None

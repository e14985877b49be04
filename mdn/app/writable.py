"""Refuse places that cannot be written to, before anything is computed for them."""

from pathlib import Path
from tempfile import TemporaryFile

from mdn.app.errors import UserError


def check_writable(path: Path) -> None:
    """Refuse an output path at which no file can be written.

    Raises:
        FileNotFoundError: if its folder does not exist.
        ValueError: if it is a folder itself, or its folder takes no files.
    """
    if not path.parent.is_dir():
        raise FileNotFoundError(
            f"there is no folder {path.parent} to write {path.name} in; make it"
        )
    if path.is_dir():
        raise ValueError(f"out={path} is a folder; give the path of a file in it")
    try:
        _write_something(path.parent)
    except OSError as error:
        raise ValueError(
            f"out={path} cannot be written: its folder takes no files ({_why(error)}); name another"
        ) from None


def make_writable_folder(run_dir: str | Path) -> None:
    """Make the directory of a run, unless it exists.

    Raises:
        UserError: if it cannot be made or takes no files.
    """
    try:
        Path(run_dir).mkdir(parents=True, exist_ok=True)
        _write_something(Path(run_dir))
    except OSError as error:
        raise UserError(
            f"run_dir={run_dir} cannot be written in ({_why(error)}); name another"
        ) from None


def _write_something(folder: Path) -> None:
    with TemporaryFile(dir=folder):
        pass


def _why(error: OSError) -> str:
    return error.strerror or str(error)

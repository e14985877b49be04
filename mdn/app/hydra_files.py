"""The files that Hydra leaves, written whole; Hydra itself writes them in place.

Without this a full disk cuts the configuration of an earlier run in the same directory short.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from hydra.core import utils
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf

from mdn.data.write import make_folder, write_text
from mdn.data.write_errors import WriteError

_failures: list[WriteError] = []


@contextmanager
def whole_hydra_files() -> Iterator[None]:
    """Have Hydra write whole files inside.

    A file of a job that cannot be written is an error of this job, not of its sweep: it is kept
    until the job asks.
    """
    configure_log = _keeping_errors(utils.configure_log)
    with (
        _exchanged(utils, "_save_config", _save_job_file),
        _exchanged(utils, "configure_log", configure_log),
        _exchanged(OmegaConf, "save", staticmethod(_save)),
    ):
        yield


def check_job_files() -> None:
    """Raise the error of Hydra's files of this job, if there was one.

    Raises:
        WriteError: if one could not be written.
    """
    if _failures:
        first, _failures[:] = _failures[0], []
        raise first


@contextmanager
def _exchanged(owner: object, name: str, function: object) -> Iterator[None]:
    before = vars(owner)[name]
    setattr(owner, name, function)
    try:
        yield
    finally:
        setattr(owner, name, before)


ConfigureLog = Callable[[DictConfig, bool | str | Sequence[str]], None]


def _keeping_errors(function: ConfigureLog) -> ConfigureLog:
    def configure_log(log: DictConfig, verbose: bool | str | Sequence[str] = False) -> None:
        try:
            function(log, verbose)
        except ValueError as error:
            _keep(error)

    return configure_log


def _keep(error: ValueError) -> None:
    # Of the handlers of a job's log one writes a file.
    if not isinstance(error.__cause__, OSError):
        raise error
    job = HydraConfig.get()
    path = Path(job.runtime.output_dir) / f"{job.job.name}.log"
    _failures.append(WriteError(path, error.__cause__))


def _save_job_file(config: object, filename: str, output_dir: Path) -> None:
    try:
        make_folder(output_dir)
        _save(config, output_dir / filename)
    except WriteError as error:
        _failures.append(error)


def _save(config: object, f: str | Path | TextIO, resolve: bool = False) -> None:
    text = OmegaConf.to_yaml(config, resolve=resolve)
    if isinstance(f, str | Path):
        write_text(text, f)
    else:
        f.write(text)

"""The files that Hydra leaves, written whole; Hydra itself writes them in place.

Without this a full disk cuts the configuration of an earlier run in the same directory short.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hydra.core import utils
from hydra.core.hydra_config import HydraConfig
from omegaconf import OmegaConf

from mdn.data.write import make_folder, write_text
from mdn.data.write_errors import WriteError

_failures: list[WriteError] = []


@contextmanager
def whole_hydra_files() -> Iterator[None]:
    """Have Hydra write whole files inside.

    A file of a job that cannot be written is an error of this job, not of its sweep: it is kept
    until the job asks.
    """
    before = utils._save_config, utils.configure_log, OmegaConf.save

    def configure_log(*settings: object) -> None:
        try:
            before[1](*settings)
        except ValueError as error:
            _keep(error)

    utils._save_config, utils.configure_log = _save_job_file, configure_log
    OmegaConf.save = staticmethod(_save)
    try:
        yield
    finally:
        utils._save_config, utils.configure_log = before[:2]
        OmegaConf.save = staticmethod(before[2])


def check_job_files() -> None:
    """Raise the error of Hydra's files of this job, if there was one.

    Raises:
        WriteError: if one could not be written.
    """
    if _failures:
        first, _failures[:] = _failures[0], []
        raise first


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


def _save(config: object, path: str | Path, resolve: bool = False) -> None:
    write_text(OmegaConf.to_yaml(config, resolve=resolve), path)

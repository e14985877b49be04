"""A command: check the configuration, only then import what is heavy, and run."""

import os
import sys
import traceback
from collections.abc import Callable
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

from hydra.core.hydra_config import HydraConfig
from hydra.errors import InstantiationException
from hydra.types import RunMode
from hydra.utils import instantiate
from omegaconf import DictConfig

from mdn.app.check import check
from mdn.app.errors import UserError, full_error, readable, wants_traceback
from mdn.app.files import CONFIG_FILE, ERROR_FILE
from mdn.app.program import fail
from mdn.app.stop import Reason, farewell, reason, stoppable
from mdn.data.write import write_text

_USER_ERRORS = (UserError, ValueError, OSError, ImportError, InstantiationException)


def command(name: str, config: DictConfig) -> Any:
    """Run `mdn.app.<name>.<name>` on a checked configuration.

    A mistake of the user ends in one message and leaves nothing half-written. In a sweep the
    other jobs go on: the job counts as infinitely bad, its error lies in its directory. Ctrl-C
    ends the command, and a sweep with it, at once.
    """
    try:
        with full_error(), stoppable():
            return _run(name, config)
    except BaseException as error:
        why = reason(error)
        if why is None:
            raise
        _say_farewell(name, why)
        sys.exit(why.status)


def _run(name: str, config: DictConfig) -> Any:
    try:
        checked = check(config)
        _make_run_dir(checked.get("run_dir"))
        return _call(name, checked)
    except Exception as error:
        run_dir = Path(HydraConfig.get().runtime.output_dir)
        if HydraConfig.get().mode == RunMode.MULTIRUN:
            message = f"{traceback.format_exc()}\n{' '.join(readable(error).split())}\n"
            write_text(message, run_dir / ERROR_FILE)
            print(f"this job failed, the sweep goes on: {readable(error)}")
            return float("inf")
        if wants_traceback() or not _is_users(error):
            raise
        _discard(run_dir, _began())
        fail(readable(error))


def _make_run_dir(run_dir: str | None) -> None:
    """Refuse a directory that cannot be written in before anything is computed."""
    if run_dir is None:
        return
    try:
        Path(run_dir).mkdir(parents=True, exist_ok=True)
        with TemporaryFile(dir=run_dir):
            pass
    except OSError as error:
        why = error.strerror or str(error)
        raise UserError(f"run_dir={run_dir} cannot be written in ({why}); name another") from None


def _say_farewell(name: str, why: Reason) -> None:
    """What there is and how to go on, from the first process; of a sweep also its table so far."""
    hydra = HydraConfig.get()
    run_dir = Path(hydra.runtime.output_dir)
    if os.environ.get("LOCAL_RANK", "0") != "0":
        return
    trains = name == "train"  # other commands save nothing to go on from
    said = farewell(why, run_dir, _began(), hydra.overrides.task) if trains else why.words
    print(f"\n{said}", file=sys.stderr)
    if hydra.mode == RunMode.MULTIRUN:
        write_text(f"{why.words}\n", run_dir / ERROR_FILE)
        whole = HydraConfig.instance().cfg
        with suppress(SystemExit):  # which would say that jobs failed
            for callback in hydra.callbacks.values():
                instantiate(callback).on_multirun_end(config=whole)
    else:
        _discard(run_dir, _began())


def _call(name: str, config: dict[str, Any]) -> Any:
    function: Callable[[dict[str, Any]], Any] = getattr(import_module(f"mdn.app.{name}"), name)
    return function(config)


def _is_users(error: BaseException) -> bool:
    """Whether configuration or data are to blame, which is what instantiation fails from."""
    by_name = type(error).__name__ == "MisconfigurationException"  # Lightning's, not imported here
    chained = error.__cause__ is not None and _is_users(error.__cause__)
    return by_name or isinstance(error, _USER_ERRORS) or chained


def _began() -> float | None:
    """When this command wrote down its configuration; None where it has no directory for that.

    The working directory may be one that an earlier run has left its own in.
    """
    hydra = HydraConfig.get()
    if hydra.output_subdir is None:
        return None
    written = Path(hydra.runtime.output_dir) / hydra.output_subdir / "config.yaml"
    return written.stat().st_mtime if written.exists() else None


def _discard(run_dir: Path, began: float | None) -> None:
    """Remove what a run that came to nothing has left; what else is there stays."""
    if began is None or any(run_dir.glob("checkpoints/*")):
        return
    for path in [path for pattern in _own_files() for path in run_dir.glob(pattern)]:
        if path.stat().st_mtime >= began - 1:
            path.unlink()
    for folder in (run_dir / ".hydra", run_dir / "checkpoints", run_dir / "figures", run_dir):
        with suppress(OSError):
            folder.rmdir()


def _own_files() -> list[str]:
    """Names of what this process writes into its run directory before there is a checkpoint."""
    hydra = [f".hydra/{name}.yaml" for name in ("config", "hydra", "overrides")]
    log = f"events.out.tfevents.*.{os.getpid()}.*"
    return [f"{HydraConfig.get().job.name}.log", log, "hparams.yaml", CONFIG_FILE, *hydra]

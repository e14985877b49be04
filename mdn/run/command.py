"""A command: check the configuration, only then import what is heavy, and run."""

import os
import shutil
import traceback
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig

from mdn.run.check import check
from mdn.run.errors import UserError, readable
from mdn.run.files import ERROR_FILE

_USER_ERRORS = (UserError, ValueError, OSError, ImportError)


def command(name: str, config: DictConfig) -> Any:
    """Run `mdn.run.<name>.<name>` on a checked configuration.

    A mistake of the user ends in one message and leaves nothing half-written. In a sweep the
    other jobs go on: the job counts as infinitely bad, its error lies in its directory.
    """
    try:
        return _call(name, check(config))
    except Exception as error:
        run_dir = Path(HydraConfig.get().runtime.output_dir)
        if HydraConfig.get().mode == RunMode.MULTIRUN:
            (run_dir / ERROR_FILE).write_text(traceback.format_exc())
            print(f"this job failed, the sweep goes on: {readable(error)}")
            return float("inf")
        _discard_if_empty(run_dir)
        if os.environ.get("HYDRA_FULL_ERROR") == "1" or not _is_users(error):
            raise
        raise UserError(f"error: {readable(error)}") from None


def _call(name: str, config: dict[str, Any]) -> Any:
    function: Callable[[dict[str, Any]], Any] = getattr(import_module(f"mdn.run.{name}"), name)
    return function(config)


def _is_users(error: BaseException) -> bool:
    return isinstance(error, _USER_ERRORS) or isinstance(error.__cause__, _USER_ERRORS)


def _discard_if_empty(run_dir: Path) -> None:
    """Remove a run directory that holds nothing but the configuration and an empty log."""
    files = [path for path in run_dir.rglob("*") if path.is_file()]
    if all(".hydra" in path.parts or path.stat().st_size == 0 for path in files):
        shutil.rmtree(run_dir, ignore_errors=True)

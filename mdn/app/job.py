"""One job of a command: check its configuration, only then import what is heavy, and run."""

import os
import sys
import traceback
from collections.abc import Callable, Mapping
from contextlib import suppress
from importlib import import_module
from pathlib import Path

from hydra.core.hydra_config import HydraConfig
from hydra.errors import InstantiationException
from hydra.types import RunMode
from hydra.utils import instantiate
from omegaconf import DictConfig

from mdn.app.check import check
from mdn.app.command_line import fail
from mdn.app.errors import UserError, full_error, readable, wants_traceback
from mdn.app.farewell import farewell
from mdn.app.hydra_files import check_job_files
from mdn.app.interrupts import StopReason, interruptible, stop_reason
from mdn.app.job_errors import keep_error
from mdn.app.leftovers import output_dir, remove_leftovers, start_time
from mdn.app.own_parts import register_own_parts
from mdn.app.run_directory import remove_unfinished
from mdn.app.writable import make_writable_folder

Command = Callable[[Mapping[str, object]], float | None]
"""A function of a checked configuration; it returns the score of a sweep's job, if it has one."""

_USER_ERRORS = (UserError, ValueError, OSError, ImportError, InstantiationException)


def run_job(name: str, config: DictConfig) -> float | None:
    """Run `mdn.app.<name>.<name>` on a checked configuration.

    A mistake of the user ends in one message and leaves nothing half-written. In a sweep the
    other jobs go on: the job counts as infinitely bad, and its error is written in its directory.
    Ctrl-C ends the command, and a sweep with it, at once.
    """
    try:
        with full_error(), interruptible():
            return _run(name, config)
    except BaseException as error:
        reason = stop_reason(error)
        if reason is None:
            raise
        _say_farewell(name, reason)
        sys.exit(reason.status)


def _run(name: str, config: DictConfig) -> float | None:
    try:
        check_job_files()
        checked = check(config)
        if checked.get("run_dir") is not None:
            make_writable_folder(checked["run_dir"])
            remove_unfinished(Path(checked["run_dir"]))
        register_own_parts(checked.pop("parts", {}))
        return _call(name, checked)
    except Exception as error:
        if HydraConfig.get().mode == RunMode.MULTIRUN:
            return _keep_error(error)
        if wants_traceback() or not _is_users_mistake(error):
            raise
        remove_leftovers()
        fail(readable(error))


def _call(name: str, config: Mapping[str, object]) -> float | None:
    command: Command = getattr(import_module(f"mdn.app.{name}"), name)
    return command(config)


def _keep_error(error: Exception) -> float:
    # The table of the sweep reads the error from the job's directory.
    message = f"{traceback.format_exc()}\n{' '.join(readable(error).split())}\n"
    keep_error(message, output_dir())
    print(f"this job failed, the sweep goes on: {readable(error)}")
    return float("inf")


def _say_farewell(name: str, reason: StopReason) -> None:
    if os.environ.get("LOCAL_RANK", "0") != "0":
        return
    overrides = HydraConfig.get().overrides.task
    trains = name == "train"  # other commands save nothing to go on from
    message = farewell(reason, output_dir(), start_time(), overrides) if trains else reason.message
    print(f"\n{message}", file=sys.stderr)
    if HydraConfig.get().mode == RunMode.MULTIRUN:
        keep_error(f"{reason.message}\n", output_dir())
        _print_sweep()
    else:
        remove_leftovers()


def _print_sweep() -> None:
    whole = HydraConfig.instance().cfg
    with suppress(SystemExit):  # which would say that jobs failed
        for callback in HydraConfig.get().callbacks.values():
            instantiate(callback).on_multirun_end(config=whole)


def _is_users_mistake(error: BaseException) -> bool:
    # Instantiation wraps the error that it failed on.
    by_name = type(error).__name__ == "MisconfigurationException"  # Lightning's, not imported here
    chained = error.__cause__ is not None and _is_users_mistake(error.__cause__)
    return by_name or isinstance(error, _USER_ERRORS) or chained

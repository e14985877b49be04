"""One job of a command: check its configuration, only then import what is heavy, and run."""

import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from importlib import import_module
from pathlib import Path

from hydra.core.hydra_config import HydraConfig
from hydra.errors import InstantiationException
from hydra.types import RunMode
from hydra.utils import instantiate
from omegaconf import DictConfig

from mdn.app.check import check
from mdn.app.claims import CLAIMS
from mdn.app.errors import UserError, full_error, readable, wants_traceback
from mdn.app.farewell import farewell, what_to_do
from mdn.app.hydra_files import check_job_files
from mdn.app.interrupts import StopReason, stop_reason
from mdn.app.job_errors import keep_error
from mdn.app.job_place import output_dir, start_time
from mdn.app.one_writer import claim_rest
from mdn.app.overrides import given_overrides
from mdn.app.own_parts import register_own_parts
from mdn.app.run_directory import remove_unfinished
from mdn.app.started_elsewhere import tell_directory
from mdn.app.writable import make_writable_folder
from mdn.training import siblings
from mdn.training.process_ends import ProcessFailed, is_broken_connection

Command = Callable[[Mapping[str, object]], float | None]
"""A function of a checked configuration; it returns the score of a sweep's job, if it has one."""

_USER_ERRORS = (
    *(UserError, ValueError, OSError, ImportError, InstantiationException),
    *(ProcessFailed, MemoryError),
)


def run_job(name: str, config: DictConfig) -> float | None:
    """Run `mdn.app.<name>.<name>` on a checked configuration.

    A mistake of the user ends in one message and leaves nothing half-written. In a sweep the
    other jobs go on: the job counts as infinitely bad, and its error is written in its directory.
    Ctrl-C and SIGTERM end the command, and a sweep with it. Of several processes the first one
    tells what has ended any of them.
    """
    siblings.last_words = partial(_say_last, name)
    try:
        with full_error(), CLAIMS.of_job():
            return _run(name, config)
    except BaseException as error:
        if siblings.speaks(error) and _is_bug(error):
            if name == "train":
                error.add_note("\n".join(what_to_do(stop_reason(error), *_this_run())))
            raise
        sys.exit(_say_last(name, error))


def _run(name: str, config: DictConfig) -> float | None:
    try:
        check_job_files()
        checked = check(config)
        if checked.get("run_dir") is not None:
            make_writable_folder(checked["run_dir"])
            claim_rest(name, checked)
            remove_unfinished(Path(checked["run_dir"]))
        tell_directory(output_dir())
        register_own_parts(checked.pop("parts", {}))
        return _call(name, checked)
    except Exception as error:
        if HydraConfig.get().mode == RunMode.MULTIRUN:
            return _keep_error(error)
        raise


def _call(name: str, config: Mapping[str, object]) -> float | None:
    command: Command = getattr(import_module(f"mdn.app.{name}"), name)
    return command(config)


def _keep_error(error: Exception) -> float:
    # The table of the sweep reads the error from the job's directory.
    message = f"{traceback.format_exc()}\n{' '.join(readable(error).split())}\n"
    keep_error(message, output_dir())
    print(f"this job failed, the sweep goes on: {readable(error)}")
    return float("inf")


def _say_last(name: str, error: BaseException) -> int:
    """Say why this process ends, or have the first one say it; return the exit status."""
    reason = stop_reason(error)
    if siblings.speaks(error):
        # Other commands save nothing to go on from.
        text = farewell(reason, *_this_run()) if name == "train" else reason.line
        print(text, file=sys.stderr)
        _tidy_up(reason)
    elif reason.failed:
        trace = "".join(traceback.format_exception(error)).strip()
        siblings.leave_message(trace if _is_bug(error) else reason.message, error)
    return reason.status


def _this_run() -> tuple[Path, float | None, Sequence[str]]:
    return output_dir(), start_time(), given_overrides()


def _tidy_up(reason: StopReason) -> None:
    if HydraConfig.get().mode != RunMode.MULTIRUN:
        CLAIMS.remove_leftovers()
        CLAIMS.release()
    elif not reason.failed:
        keep_error(f"{reason.message}\n", output_dir())
        _print_sweep()
        last = f"jobs behind job {HydraConfig.get().job.num}, if there are any"
        print(f"not begun   {last}; start them as a sweep of their own, in another directory")


def _print_sweep() -> None:
    whole = HydraConfig.instance().cfg
    with suppress(SystemExit):  # which would say that jobs failed
        for callback in HydraConfig.get().callbacks.values():
            instantiate(callback).on_multirun_end(config=whole)


def _is_bug(error: BaseException) -> bool:
    """Tell whether a traceback says more than the message, or is wanted."""
    expected = _is_users_mistake(error) and not wants_traceback()
    return stop_reason(error).failed and not expected


def _is_users_mistake(error: BaseException) -> bool:
    # Instantiation wraps the error that it failed on.
    by_name = type(error).__name__ == "MisconfigurationException"  # Lightning's, not imported here
    chained = error.__cause__ is not None and _is_users_mistake(error.__cause__)
    expected = isinstance(error, _USER_ERRORS) or is_broken_connection(error)
    return by_name or expected or chained

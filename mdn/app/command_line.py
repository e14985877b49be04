"""Run a command line; an error outside of a job is one sentence too.

Hydra composes the configuration and makes the directory before a job begins. If the
directory cannot be made, Hydra shows a traceback.
"""

import os
import sys
import warnings
from collections.abc import Callable
from typing import NoReturn

from hydra.errors import HydraException
from omegaconf.errors import OmegaConfBaseException

from mdn.app.claims import CLAIMS
from mdn.app.config_groups import check_choices
from mdn.app.errors import full_error, readable, wants_traceback
from mdn.app.hydra_files import whole_hydra_files
from mdn.app.hydra_messages import composing_message
from mdn.app.interrupts import interruptible, stop_reason
from mdn.app.keys_in_messages import in_keys
from mdn.app.overrides import names_checkpoint
from mdn.app.printable import printable_lines
from mdn.app.started_elsewhere import take_part
from mdn.data.write_errors import WriteError
from mdn.training.siblings import FIRST, end_with_first, ended_together, is_first
from mdn.training.stop_signals import Interrupted


def run_command(name: str, main: Callable[[], object]) -> None:
    """Run a command; a mistake in its command line ends in one sentence and exit status 1.

    Args:
        name: of the command, and of its file in `conf/`.
        main: the function that `hydra.main` has wrapped.
    """
    warnings.formatwarning = _one_line
    end_with_first()
    try:
        with interruptible(), ended_together(), CLAIMS.of_command():
            _compose_and_run(name, main)
            _flush()
    except (Interrupted, KeyboardInterrupt) as error:  # outside of a job
        reason = stop_reason(error)
        if is_first():
            print(reason.line, file=sys.stderr)
        sys.exit(reason.status)


def _compose_and_run(name: str, main: Callable[[], object]) -> None:
    check_choices(sys.argv[1:])
    merged = FIRST in os.environ  # by the process that has started this one
    if name == "train" and not merged and any(map(names_checkpoint, sys.argv[1:])):
        _take_settings()
    _run_hydra(name, main)


def _run_hydra(name: str, main: Callable[[], object]) -> None:
    if wants_traceback():
        take_part(name)
        with whole_hydra_files():
            main()
        return
    try:
        take_part(name)
        with full_error("1"), whole_hydra_files():  # Hydra raises then, the message is ours
            main()
    except (HydraException, OmegaConfBaseException) as error:
        CLAIMS.remove_leftovers()
        fail(composing_message(name, error))
    except BrokenPipeError:  # a reader such as `head` has seen enough of the help
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except OSError as error:
        CLAIMS.remove_leftovers()
        fail(_outside_of_job(error))


def _outside_of_job(error: OSError) -> str:
    message = readable(error)
    if isinstance(error, WriteError) or error.filename is None:
        return message
    return f"the directory of the run cannot be made: {message}; set hydra.run.dir"


def _flush() -> None:
    # At the end of the program Python would flush it, and print a part of a traceback.
    try:
        sys.stdout.flush()
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if not isinstance(error, BrokenPipeError):
            fail(readable(error))


def _take_settings() -> None:
    from mdn.app.resumed_command import resumed  # with torch, where a checkpoint is read

    try:
        sys.argv[1:] = resumed(sys.argv[1:])
    except (ValueError, OSError) as error:
        if wants_traceback():
            raise
        fail(readable(error))


def _one_line(message: Warning | str, category: type[Warning], *_: object, **__: object) -> str:
    # Users of a command do not need the place in the code that warns.
    kind = "" if category is UserWarning else f" ({category.__name__})"
    return f"warning{kind}: {printable_lines(in_keys(str(message)))}\n"


def fail(message: str) -> NoReturn:
    """End the program with a message and status 1."""
    print(f"error: {printable_lines(message)}", file=sys.stderr)
    sys.exit(1)

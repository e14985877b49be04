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

from mdn.app.config_groups import check_choices
from mdn.app.errors import full_error, readable, wants_traceback
from mdn.app.hydra_messages import composing_message
from mdn.app.interrupts import interruptible, stop_reason
from mdn.app.keys_in_messages import in_keys
from mdn.app.started_elsewhere import take_part
from mdn.training.siblings import end_with_first, ended_together, is_first
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
        with interruptible(), ended_together():
            _run_hydra(name, main)
    except (Interrupted, KeyboardInterrupt) as error:  # outside of a job
        reason = stop_reason(error)
        if is_first():
            print(reason.line, file=sys.stderr)
        sys.exit(reason.status)


def _run_hydra(name: str, main: Callable[[], object]) -> None:
    check_choices(sys.argv[1:])
    if wants_traceback():
        take_part(name)
        main()
        return
    try:
        take_part(name)
        with full_error("1"):  # Hydra raises then, and leaves the message to us
            main()
    except (HydraException, OmegaConfBaseException) as error:
        fail(composing_message(name, error))
    except BrokenPipeError:  # a reader such as `head` has seen enough of the help
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except OSError as error:
        fail(f"the directory of the run cannot be made: {readable(error)}; set hydra.run.dir")


def _one_line(message: Warning | str, category: type[Warning], *_: object, **__: object) -> str:
    # Users of a command do not need the place in the code that warns.
    kind = "" if category is UserWarning else f" ({category.__name__})"
    return f"warning{kind}: {in_keys(str(message))}\n"


def fail(message: str) -> NoReturn:
    """End the program with a message and status 1."""
    print(f"error: {message}", file=sys.stderr)
    sys.exit(1)

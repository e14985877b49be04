"""A run that is told to stop ends at once, keeps what it has saved, and says how to go on."""

import os
import shlex
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from types import FrameType

from mdn.app.places import SCRIPTS


class Stopped(BaseException):
    """Ctrl-C. Of a KeyboardInterrupt Lightning makes exit status 1, and is deaf to the next one."""


@dataclass(frozen=True)
class Reason:
    """Why a command ends early.

    Attributes:
        words: what is said of it.
        status: what the command exits with, as shells have it: 128 and the number of the signal.
        fitted: whether the fit was over by then, and only its test was not.
    """

    words: str
    status: int
    fitted: bool = False


_CTRL_C = Reason("stopped by Ctrl-C", 128 + signal.SIGINT)
_TERMINATED = Reason("stopped by SIGTERM", 128 + signal.SIGTERM)
_FITTED = "the fit was over: its checkpoints are whole"


def reason(error: BaseException) -> Reason | None:
    """Why a command was told to stop; None where the error is one."""
    fitted = _FITTED in getattr(error, "__notes__", [])
    if isinstance(error, Stopped | KeyboardInterrupt):  # that of a library which saw it first
        return replace(_CTRL_C, fitted=fitted)
    by_name = type(error).__name__ == "SIGTERMException"  # Lightning's, not imported here
    return replace(_TERMINATED, fitted=fitted) if by_name else None


@contextmanager
def fitted() -> Iterator[None]:
    """What goes wrong in here is noted to have done so after the fit."""
    try:
        yield
    except BaseException as error:
        error.add_note(_FITTED)
        raise


@contextmanager
def stoppable() -> Iterator[None]:
    """Ctrl-C raises `Stopped` in here, once: the next one ends the process there and then.

    Where something else looks after Ctrl-C, or nothing may, that stays as it is.
    """
    main = threading.current_thread() is threading.main_thread()
    if not main or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield
        return
    handler = _Once()
    signal.signal(signal.SIGINT, handler)
    try:
        yield
    finally:
        kills = handler.called
        signal.signal(signal.SIGINT, signal.SIG_DFL if kills else signal.default_int_handler)


class _Once:
    """A handler that keeps count itself: Lightning puts handlers back that it found."""

    called = False

    def __call__(self, number: int, frame: FrameType | None) -> None:
        if self.called:
            signal.signal(number, signal.SIG_DFL)
            signal.raise_signal(number)
        self.called = True
        raise Stopped


def farewell(why: Reason, run_dir: Path, began: float | None, overrides: Sequence[str]) -> str:
    """What there is of a stopped training run, and the commands that go on with it.

    Args:
        why: what stopped it.
        run_dir: its directory.
        began: when, in seconds since the epoch: older checkpoints are another run's. None where
            nobody knows.
        overrides: what was asked of it.
    """
    script = Path(sys.argv[0])
    checkpoints = Path(os.path.relpath(run_dir)) / "checkpoints"
    last, best = (_saved(checkpoints / f"{name}.ckpt", began) for name in ("last", "best"))
    came_from = [each for each in overrides if _is_ckpt_path(each)]
    own = [each for each in overrides if not _is_ckpt_path(each)]
    go_on_from = [f"ckpt_path={last}"] if last else came_from
    lines = [why.words if last or best else f"{why.words}: nothing had been saved yet"]
    if go_on_from and not why.fitted:
        lines.append(f"go on       {typed(script, *go_on_from, *own)}")
    if best:
        label = "evaluate   " if why.fitted else "best so far"
        lines.append(f"{label} {typed(script.with_name('evaluate.py'), f'ckpt={best}')}")
    return "\n".join(lines)


def _saved(path: Path, began: float | None) -> Path | None:
    """A checkpoint, where there is one of this run."""
    ours = path.exists() and (began is None or path.stat().st_mtime >= began)
    return path if ours else None


def _is_ckpt_path(override: str) -> bool:
    return override.lstrip("+").startswith("ckpt_path=")


def typed(script: Path, *arguments: str) -> str:
    """Write the command line that runs a script, as its user types it."""
    installed = script.parent == SCRIPTS and SCRIPTS.parent.name == "mdn"
    start = ["mdn", script.stem] if installed else ["python", str(script)]
    return shlex.join([*start, *arguments])

"""A run that is told to stop ends at once, keeps what it has saved, and says how to go on."""

import os
import shlex
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType


class Stopped(BaseException):
    """Ctrl-C. Of a KeyboardInterrupt Lightning makes exit status 1, and is deaf to the next one."""


@dataclass(frozen=True)
class Reason:
    """Why a command ends early.

    Attributes:
        words: what is said of it.
        status: what the command exits with, as shells have it: 128 and the number of the signal.
    """

    words: str
    status: int


_CTRL_C = Reason("stopped by Ctrl-C", 128 + signal.SIGINT)
_TERMINATED = Reason("stopped by SIGTERM", 128 + signal.SIGTERM)


def reason(error: BaseException) -> Reason | None:
    """Why a command was told to stop; None where the error is one."""
    if isinstance(error, Stopped | KeyboardInterrupt):  # that of a library which saw it first
        return _CTRL_C
    by_name = type(error).__name__ == "SIGTERMException"  # Lightning's, not imported here
    return _TERMINATED if by_name else None


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


def farewell(why: Reason, run_dir: Path, overrides: Sequence[str]) -> str:
    """What there is of a stopped run, and the commands that go on with it.

    Args:
        why: what stopped it.
        run_dir: its directory.
        overrides: what was asked of it.
    """
    script = Path(sys.argv[0])
    checkpoints = Path(os.path.relpath(run_dir)) / "checkpoints"
    last, best = checkpoints / "last.ckpt", checkpoints / "best.ckpt"
    own = [each for each in overrides if not each.startswith("ckpt_path=")]
    lines = []
    if last.exists():
        lines.append(f"go on       {_typed(script, f'ckpt_path={last}', *own)}")
    if best.exists():
        lines.append(f"best so far {_typed(script.with_name('evaluate.py'), f'ckpt={best}')}")
    return "\n".join([why.words, *lines] if lines else [f"{why.words}: nothing had been saved yet"])


def _typed(script: Path, *arguments: str) -> str:
    return shlex.join(["python", str(script), *arguments])

"""Ctrl-C and SIGTERM: a run that is told to stop ends at once and keeps what it has saved."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from types import FrameType


class Interrupted(BaseException):
    """Raised on Ctrl-C.

    Lightning turns KeyboardInterrupt into exit status 1 and ignores further ones.
    """


@dataclass(frozen=True)
class StopReason:
    """Why a command ends early.

    Attributes:
        message: what the user is told.
        status: exit status by the convention of shells: 128 plus the number of the signal.
        fit_was_over: whether only the test after the fit was interrupted.
    """

    message: str
    status: int
    fit_was_over: bool = False


_CTRL_C = StopReason("stopped by Ctrl-C", 128 + signal.SIGINT)
_TERMINATED = StopReason("stopped by SIGTERM", 128 + signal.SIGTERM)
_FIT_WAS_OVER = "the fit was over: its checkpoints are whole"


def stop_reason(error: BaseException) -> StopReason | None:
    """Return why a command was told to stop, or None if the error is a real one."""
    fit_was_over = _FIT_WAS_OVER in getattr(error, "__notes__", [])
    # A library may have seen Ctrl-C first, and raises KeyboardInterrupt.
    if isinstance(error, Interrupted | KeyboardInterrupt):
        return replace(_CTRL_C, fit_was_over=fit_was_over)
    if type(error).__name__ == "SIGTERMException":  # Lightning's, not imported here
        return replace(_TERMINATED, fit_was_over=fit_was_over)
    return None


@contextmanager
def after_fit() -> Iterator[None]:
    """Note on any error raised inside that the fit was over by then."""
    try:
        yield
    except BaseException as error:
        error.add_note(_FIT_WAS_OVER)
        raise


@contextmanager
def interruptible() -> Iterator[None]:
    """Raise `Interrupted` on the first Ctrl-C inside; the second one kills the process.

    Nothing changes outside of the main thread, or if Ctrl-C already has another handler.
    """
    main = threading.current_thread() is threading.main_thread()
    if not main or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield
        return
    handler = _RaiseOnce()
    signal.signal(signal.SIGINT, handler)
    try:
        yield
    finally:
        after = signal.SIG_DFL if handler.called else signal.default_int_handler
        signal.signal(signal.SIGINT, after)


class _RaiseOnce:
    """A handler that counts its calls itself, since Lightning restores the handlers it found."""

    called = False

    def __call__(self, number: int, frame: FrameType | None) -> None:
        if self.called:
            signal.signal(number, signal.SIG_DFL)
            signal.raise_signal(number)
        self.called = True
        raise Interrupted

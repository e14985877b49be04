"""Ctrl-C and SIGTERM: a command that is told to stop ends soon, and keeps what it has saved."""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass

from mdn.app.errors import readable
from mdn.training.process_ends import is_broken_connection
from mdn.training.siblings import end_now
from mdn.training.stop_signals import STOPPING, Interrupted, signals

_PATIENCE = 7.0
"""Seconds from a signal until it raises, come what may: ten are all that some systems give."""

_LAST = 2.0
"""Seconds from then until the process ends, wherever its main thread is."""

_SAVING = 60.0
"""Seconds more for a fit that has seen the signal to save its state."""


@dataclass(frozen=True)
class StopReason:
    """Why a command ends early.

    Attributes:
        message: what has happened.
        status: exit status, by the convention of shells: 128 plus the number of a signal, else 1.
        failed: whether it is an error, and nobody has told the command to stop.
        fit_was_over: whether only what follows on the fit was interrupted.
    """

    message: str
    status: int
    failed: bool = False
    fit_was_over: bool = False

    @property
    def line(self) -> str:
        """What the user is told."""
        return f"error: {self.message}" if self.failed else f"\n{self.message}"


_FIT_WAS_OVER = "the fit was over: its checkpoints are whole"

_STOPPED = {signal.SIGINT: "stopped by Ctrl-C", signal.SIGTERM: "stopped by SIGTERM"}


def stop_reason(error: BaseException) -> StopReason:
    """Return why an error ends a command."""
    number = _signal(error)
    over = after_the_fit(error)
    if number is None:
        return StopReason(_message(error), 1, failed=True, fit_was_over=over)
    return StopReason(_STOPPED[number], 128 + number, fit_was_over=over)


def _signal(error: BaseException) -> signal.Signals | None:
    if isinstance(error, Interrupted):
        return signal.Signals(error.number)
    # A library may have seen Ctrl-C first, and raises KeyboardInterrupt.
    return signal.SIGINT if isinstance(error, KeyboardInterrupt) else None


def _message(error: BaseException) -> str:
    if is_broken_connection(error):
        return (
            "another process of the run has ended or cannot be reached; look at what it said before"
        )
    if isinstance(error, MemoryError):
        return f"the memory of this machine is used up: {readable(error) or 'no more is to be had'}"
    return readable(error)


def after_the_fit(error: BaseException) -> bool:
    """Tell whether the fit was over when an error was raised."""
    return _FIT_WAS_OVER in getattr(error, "__notes__", [])


@contextmanager
def after_fit() -> Iterator[None]:
    """Note on any error raised inside that the fit was over by then.

    A signal that the fit has seen no more raises here.
    """
    try:
        signals.release()
        yield
    except BaseException as error:
        error.add_note(_FIT_WAS_OVER)
        raise


@contextmanager
def interruptible() -> Iterator[None]:
    """Raise `Interrupted` on the first Ctrl-C or SIGTERM inside; the second one kills the process.

    Inside a fit it waits for the end of a batch. Where nothing comes of a signal, because the main
    thread waits for another process or a library, a thread ends the process. Nothing changes
    outside of the main thread, or for a signal that has another handler already.
    """
    before = signals.take()
    with _last_resort() if before else nullcontext():
        try:
            yield
        finally:
            signals.give_back(before)


@contextmanager
def _last_resort() -> Iterator[None]:
    heard, ended = os.pipe(), threading.Event()
    os.set_blocking(heard[1], False)
    earlier = signal.set_wakeup_fd(heard[1], warn_on_full_buffer=False)
    watch = threading.Thread(target=_insist, args=(heard[0], ended), daemon=True, name="signals")
    watch.start()
    try:
        yield
    finally:
        ended.set()
        signal.set_wakeup_fd(earlier)
        os.close(heard[1])  # the thread reads the end
        watch.join()
        os.close(heard[0])


def _insist(heard: int, ended: threading.Event) -> None:
    """Wait for a signal, of which the system tells this thread whatever the main thread does."""
    while number := next(iter(os.read(heard, 1)), None):
        if number in STOPPING:
            _end_soon(number, ended)
            return


def _end_soon(number: int, ended: threading.Event) -> None:
    if ended.wait(_PATIENCE) or (signals.stopping and ended.wait(_SAVING)):
        return
    signals.raise_overdue(number)
    if not ended.wait(_LAST):
        end_now(Interrupted(number))

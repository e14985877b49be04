"""SIGTERM and Ctrl-C: they end what runs at once, or inside a fit at the end of a batch.

Python runs a handler in the main thread, between two of its instructions. What the main thread has
in its hands by then is anything, also a collective of several processes, so a handler here does no
more than raise, or remember the signal where a fit asks for it after each batch.
"""

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import FrameType

Handlers = Mapping[int, Callable[[int, FrameType | None], object] | int | None]
"""What handles signals, by their numbers, as `signal.signal` takes it."""

STOPPING = (signal.SIGINT, signal.SIGTERM)

_TOGETHER = 1.0
"""Seconds within which a second SIGTERM is the first one, sent to the process and to its group."""


class Interrupted(SystemExit):
    """Raised where a signal ends a command or a fit; uncaught, it gives the status that shells use.

    It is no KeyboardInterrupt, which Lightning turns into exit status 1.

    Attributes:
        number: of the signal.
    """

    def __init__(self, number: int = signal.SIGINT) -> None:
        super().__init__(128 + number)
        self.number = number


class StopSignals:
    """A handler of signals that end a process; a second signal kills it.

    Attributes:
        number: of the signal that came first; 0 before one has come.
        stopping: whether a fit has seen the signal, and saves its state.
        raised: whether the signal has been raised; an error that follows comes from it, since
            libraries make other errors of what they do not know.
    """

    def __init__(self) -> None:
        self._forget()

    def _forget(self) -> None:
        self.number = 0
        self.stopping = False
        self.raised = False
        self._came = 0.0
        self._held = False
        self._overdue = False

    def __call__(self, number: int, frame: FrameType | None) -> None:
        """Raise `Interrupted`, or remember the signal while it is held; the second one kills."""
        if self._overdue:
            self._overdue = self._held = False
            self.number, self.raised = self.number or number, True
            raise Interrupted(self.number)
        if self.number:
            self._kill_unless_repeated(number)
            return
        self.number, self._came = number, time.monotonic()
        if not self._held:
            self.raised = True
            raise Interrupted(number)

    def _kill_unless_repeated(self, number: int) -> None:
        # `timeout` and torchrun send one order twice; a terminal sends each Ctrl-C once.
        once = number == signal.SIGINT and "TORCHELASTIC_RUN_ID" not in os.environ
        repeated = number == self.number and time.monotonic() - self._came < _TOGETHER
        if once or not repeated:
            signal.signal(number, signal.SIG_DFL)
            signal.raise_signal(number)

    def hold(self) -> None:
        """From now on only remember a signal: whoever calls this looks at `number`."""
        self._held = True

    def release(self) -> None:
        """Raise at once again, also for a signal that came meanwhile.

        Raises:
            Interrupted: if one did.
        """
        self._held = False
        if self.number:
            raise Interrupted(self.number)

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Let a signal wait for the end of what must not be interrupted.

        Raises:
            Interrupted: at the end, if one came meanwhile.
        """
        self.hold()
        try:
            yield
        finally:
            self.let_go()
        self.release()

    def let_go(self) -> None:
        """Raise at once again; an error is on its way already."""
        self._held = False

    def raise_overdue(self, number: int) -> None:
        """Raise `Interrupted` in the main thread, held or not; may be called in any thread."""
        self._overdue = True
        os.kill(os.getpid(), number)

    def take(self, numbers: Sequence[int] = STOPPING) -> Handlers:
        """Become the handler of those signals that have none but Python's; return what was there.

        Nothing changes outside of the main thread.
        """
        before = {number: signal.getsignal(number) for number in numbers if _is_free(number)}
        if before:
            self._forget()
        for number in before:
            signal.signal(number, self)
        return before

    def give_back(self, before: Handlers) -> None:
        """Undo `take`; a signal that has come already will kill when it comes again."""
        for number, handler in before.items():
            signal.signal(number, signal.SIG_DFL if self.number == number else handler)


def _is_free(number: int) -> bool:
    main = threading.current_thread() is threading.main_thread()
    return main and signal.getsignal(number) in (signal.SIG_DFL, signal.default_int_handler)


signals = StopSignals()
"""What this process has been told."""


@contextmanager
def sigterm_awaits_batch() -> Iterator[None]:
    """Let SIGTERM end a fit inside behind a batch, unless the program or command handles it.

    Ctrl-C raises KeyboardInterrupt, as everywhere in a program.

    Raises:
        Interrupted: at the end, for a signal that came behind the last batch.
    """
    before = signals.take([signal.SIGTERM])
    try:
        yield
    finally:
        signals.give_back(before)
    if before:
        signals.release()

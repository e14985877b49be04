"""The processes of one run: which is the first, what the others tell it, and how all of them end.

The first process starts the others and speaks for all. Another one that fails leaves its message in
a file and ends. The first one then tells that message, and not the error of a broken connection,
which merely follows from it. A process whose first one is gone ends too.
"""

import atexit
import json
import os
import shutil
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from signal import Signals
from subprocess import Popen, TimeoutExpired
from tempfile import mkdtemp
from typing import NoReturn

from mdn.training.process_ends import (
    End,
    FirstFailed,
    ProcessFailed,
    is_broken_connection,
    message_in,
)
from mdn.training.stop_signals import Interrupted

FIRST, FOLDER = "MDN_FIRST_PROCESS", "MDN_MESSAGES"
"""Environment of the others: the first process, and the folder for what they have to say."""

_RANKS = ("RANK", "LOCAL_RANK", "SLURM_PROCID")
"""Environment that torchrun, Lightning and Slurm number the processes by."""

_LOOK = 0.2
"""Seconds between two looks at another process."""

_PATIENCE = 5.0
"""Seconds for a process to see by itself that another one has ended."""

_TO_LEAVE = 5.0
"""Seconds for processes to end by themselves once another one has."""

_WATCH = "first process"
"""Name of the thread that looks at it."""


def speaks(error: BaseException) -> bool:
    """Tell whether this process says what ends the run: the first, or the next if that is gone."""
    next_one = os.environ.get("LOCAL_RANK") == "1"
    return (isinstance(error, FirstFailed) and next_one) or is_first()


def is_first() -> bool:
    """Tell whether this process speaks for all processes of the run."""
    return all(os.environ.get(name, "0") == "0" for name in _RANKS)


def _is_started_by_others() -> bool:
    return FIRST in os.environ or "TORCHELASTIC_RUN_ID" in os.environ


def leave_message(text: str, error: BaseException) -> None:
    """Leave the message of this process's error for the first one to tell."""
    folder, echo = os.environ.get(FOLDER), is_broken_connection(error)
    if folder is None:  # started by somebody else, as torchrun does
        if not echo:
            print(text, file=sys.stderr)
        return
    message = json.dumps({"text": text, "echo": echo})
    beside = Path(folder, f".{os.environ['LOCAL_RANK']}")
    beside.write_text(message, encoding="utf-8")
    beside.replace(beside.with_name(os.environ["LOCAL_RANK"]))


def _print(error: BaseException) -> int:
    if isinstance(error, Interrupted):
        print(f"stopped by {Signals(error.number).name}", file=sys.stderr)
        return 128 + error.number
    print(f"error: {error}", file=sys.stderr)
    return 1


last_words: Callable[[BaseException], int] = _print
"""Says why this process ends, and returns its exit status; a command puts its own here."""


def end_now(error: BaseException) -> NoReturn:
    """End this process and those that it has started; may be called in any thread."""
    try:
        status = last_words(error)
    except BaseException:
        status = 1
    if others is not None:
        others.kill()
    _leave(status)


class Others:
    """The processes that this one has started.

    Args:
        processes: in the order of their ranks, from 1 up.
        folder: where they leave messages.
    """

    def __init__(self, processes: Sequence[Popen], folder: Path) -> None:
        self._processes = processes
        self._folder = folder
        self._noticed = threading.Event()
        atexit.register(self.join)
        threading.Thread(target=self._watch, daemon=True, name="other processes").start()

    def _watch(self) -> None:
        while not self._failed():
            if self._noticed.wait(_LOOK):
                return
        if not self._noticed.wait(_PATIENCE):  # the main thread waits for what does not come
            end_now(self.why_ended() or ProcessFailed("another process has ended"))

    def _failed(self) -> bool:
        return any(process.poll() for process in self._processes)

    def why(self, error: BaseException) -> BaseException:
        """Return what an error of this process comes from, which may be the end of another."""
        self._noticed.set()
        if not is_broken_connection(error):
            return error
        end = time.monotonic() + _PATIENCE
        while not self._failed() and time.monotonic() < end:
            time.sleep(_LOOK)
        return self.why_ended() or error

    def why_ended(self) -> BaseException | None:
        """Return the error that ended some of the processes; None if they have not ended."""
        time.sleep(_LOOK)  # several may be about to end
        ends = [
            End(rank, process.poll(), *message_in(self._folder / str(rank)))
            for rank, process in enumerate(self._processes, 1)
        ]
        failed = sorted((end for end in ends if end.status), key=End.hearsay)
        return failed[0].error() if failed else None

    def join(self, seconds: float = 60.0) -> None:
        """Wait until all have ended; kill those that do not."""
        self._noticed.set()
        atexit.unregister(self.join)
        end = time.monotonic() + seconds
        for process in self._processes:
            try:
                process.wait(max(0.0, end - time.monotonic()))
            except TimeoutExpired:
                process.kill()
                process.wait()
        shutil.rmtree(self._folder, ignore_errors=True)

    def kill(self) -> None:
        """End all of them."""
        self.join(0.0)


others: Others | None = None
"""The processes that this one has started, if it has."""


def start_others(start: Callable[[list[Popen]], None]) -> Others:
    """Start other processes that know this one, and watch them.

    Args:
        start: starts them, with the environment of this process, and appends them to a list.

    Raises:
        ProcessFailed: if one cannot be started; those before it are ended.
    """
    global others
    folder, started = Path(mkdtemp(prefix="mdn-")), list[Popen]()
    os.environ.update({FIRST: str(os.getpid()), FOLDER: str(folder)})
    try:
        start(started)
    except BaseException as error:
        Others(started, folder).kill()
        if not isinstance(error, OSError):
            raise
        rank = len(started) + 1
        raise ProcessFailed(
            f"process {rank} cannot be started: {error}; free memory or processes, or set fewer "
            "devices"
        ) from None
    finally:
        for name in (FIRST, FOLDER):
            os.environ.pop(name)
    others = Others(started, folder)
    return others


@contextmanager
def ended_together() -> Iterator[None]:
    """Wait at the end for the processes that were started inside; after an error end them."""
    try:
        yield
    except BaseException as error:
        if _is_started_by_others() and isinstance(error, SystemExit):
            # Others wait for this one, which is to spend no time on tidying up its memory.
            _leave(error.code if isinstance(error.code, int) else 1)
        if others is not None:
            others.join(_TO_LEAVE)
        raise
    if others is not None:
        others.join()


def _leave(status: int) -> NoReturn:
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os._exit(status)


def why(error: BaseException) -> BaseException:
    """Return what an error of this process comes from, which may be the end of another."""
    if others is not None:
        found = others.why(error)
        others.join(_TO_LEAVE)
        return found
    return FirstFailed() if is_broken_connection(error) and _is_orphan_soon() else error


def _is_orphan_soon() -> bool:
    end = time.monotonic() + 1
    while not _is_orphan() and time.monotonic() < end:
        time.sleep(_LOOK)
    return _is_orphan()


def _is_orphan() -> bool:
    return os.environ.get(FIRST, str(os.getppid())) != str(os.getppid())


def end_with_first() -> None:
    """End this process soon after the one that started it for its run; nothing in others."""
    running = any(thread.name == _WATCH for thread in threading.enumerate())
    if FIRST in os.environ and not running:
        threading.Thread(target=_watch_first, daemon=True, name=_WATCH).start()


def _watch_first() -> None:
    while not _is_orphan():
        time.sleep(_LOOK)
    time.sleep(_TO_LEAVE)  # it sees the broken connection
    end_now(FirstFailed())

"""The processes of one run: which is the first, what the others tell it, and how all of them end.

The first process starts the others and speaks for all. Another one that fails leaves its message in
a file and ends. The first one then tells that message, and not the error of a broken connection,
which merely follows from it. A process whose first one is gone ends too.
"""

import atexit
import json
import os
import shutil
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from subprocess import Popen, TimeoutExpired
from tempfile import mkdtemp
from typing import NoReturn

from mdn.training.stop_signals import STOPPING, Interrupted

FIRST, FOLDER = "MDN_FIRST_PROCESS", "MDN_MESSAGES"
"""Environment of the others: the first process, and the folder for what they have to say."""

_RANKS = ("RANK", "LOCAL_RANK", "SLURM_PROCID")
"""Environment that torchrun, Lightning and Slurm number the processes by."""

_LOOK = 0.2
"""Seconds between two looks at another process."""

_PATIENCE = 8.0
"""Seconds for a process to see by itself that another one has ended."""

_TO_LEAVE = 5.0
"""Seconds for processes to end by themselves once another one has."""

_WATCH = "first process"
"""Name of the thread that looks at it."""

_CONNECTION = {"DistError", "DistBackendError", "DistNetworkError", "DistStoreError"}
"""Names of the errors of torch.distributed, which is not imported here."""


class ProcessFailed(RuntimeError):
    """Another process of the run has ended; the message is its own, where it left one."""


class FirstFailed(ProcessFailed):
    """The first process of the run has been killed."""

    def __init__(self) -> None:
        super().__init__(
            "the first process of the run was killed, as happens where memory runs out"
        )


def speaks(error: BaseException) -> bool:
    """Tell whether this process says what ends the run: the first, or the next if that is gone."""
    next_one = os.environ.get("LOCAL_RANK") == "1"
    return (isinstance(error, FirstFailed) and next_one) or is_first()


def is_first() -> bool:
    """Tell whether this process speaks for all processes of the run."""
    return all(os.environ.get(name, "0") == "0" for name in _RANKS)


def is_broken_connection(error: BaseException | None) -> bool:
    """Tell whether an error says no more than that another process cannot be reached."""
    if error is None:
        return False
    gloo = isinstance(error, RuntimeError) and "/gloo/" in str(error)
    return gloo or type(error).__name__ in _CONNECTION or is_broken_connection(error.__cause__)


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
            _End(rank, process.poll(), *_message(self._folder / str(rank)))
            for rank, process in enumerate(self._processes, 1)
        ]
        failed = sorted((end for end in ends if end.status), key=_End.hearsay)
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


@dataclass(frozen=True)
class _End:
    """How another process has ended.

    Attributes:
        rank: its number.
        status: its exit status, minus the number of a signal; None while it runs.
        text: what it has left to say.
        echo: whether that is no more than a broken connection.
    """

    rank: int
    status: int | None
    text: str
    echo: bool

    def hearsay(self) -> int:
        """Return how far this end may follow from others: 0 for an error of its own."""
        if self.text:
            return 3 if self.echo else 0
        return 1 if (self.status or 0) < 0 or self._told() else 2

    def _told(self) -> int:
        """The signal that told it to stop, or 0."""
        numbers = [number for number in STOPPING if self.status in (-number, 128 + number)]
        return numbers[0] if numbers else 0

    def error(self) -> BaseException:
        """Return what to tell."""
        if self.text:
            return ProcessFailed(f"process {self.rank}: {self.text}")
        if self._told():
            return Interrupted(self._told())
        status = self.status or 0
        if status < 0:
            name = signal.Signals(-status).name
            hint = ", as happens where memory runs out" if -status == signal.SIGKILL else ""
            return ProcessFailed(f"process {self.rank} was killed by {name}{hint}")
        return ProcessFailed(f"process {self.rank} has ended with status {status}")


def _message(path: Path) -> tuple[str, bool]:
    try:
        message = json.loads(path.read_text(encoding="utf-8"))
    except OSError:
        return "", False
    return message["text"], message["echo"]


def start_others(start: Callable[[], Sequence[Popen]]) -> Others:
    """Start other processes that know this one, and watch them.

    Args:
        start: starts them, with the environment of this process.
    """
    global others
    folder = Path(mkdtemp(prefix="mdn-"))
    os.environ.update({FIRST: str(os.getpid()), FOLDER: str(folder)})
    try:
        others = Others(start(), folder)
    finally:
        for name in (FIRST, FOLDER):
            os.environ.pop(name)
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

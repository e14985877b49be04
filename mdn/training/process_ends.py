"""How another process of a run has ended, and what it has left to say."""

import json
import signal
from dataclasses import dataclass
from pathlib import Path

from mdn.training.stop_signals import STOPPING, Interrupted

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


def is_broken_connection(error: BaseException | None) -> bool:
    """Tell whether an error says no more than that another process cannot be reached."""
    if error is None:
        return False
    gloo = isinstance(error, RuntimeError) and "/gloo/" in str(error)
    return gloo or type(error).__name__ in _CONNECTION or is_broken_connection(error.__cause__)


@dataclass(frozen=True)
class End:
    """The end of another process.

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


def message_in(path: Path) -> tuple[str, bool]:
    """Return what a process has left to say, and whether it only echoes the end of another."""
    try:
        message = json.loads(path.read_text(encoding="utf-8"))
    except OSError:
        return "", False
    return message["text"], message["echo"]

"""Real processes of a command that begin at once: children of one that has imported everything."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

SERVER = Path(__file__).with_name("command_server.py")


class ForkedCommand:
    """A command in a process, and a session, of its own.

    Attributes:
        process: its number.
        output: the file that holds all it has said.
    """

    def __init__(self, server: "CommandServer", process: int, output: Path) -> None:
        self._server = server
        self.process = process
        self.output = output
        self._status: int | None = None

    @property
    def said(self) -> str:
        """All it has printed so far."""
        return self.output.read_text(encoding="utf-8") if self.output.exists() else ""

    def kill(self, number: int = signal.SIGKILL) -> None:
        """Send it a signal."""
        os.kill(self.process, number)

    def wait(self) -> int:
        """Its exit status, minus the signal where one has ended it."""
        if self._status is None:
            self._status = self._server.ask({"wait": self.process})
        return self._status

    def wait_until(self, true: Callable[[], bool], seconds: float = 60.0) -> None:
        """Wait until something is true, or the time is over."""
        end = time.monotonic() + seconds
        while not true():
            assert time.monotonic() < end, f"not within {seconds} s; it said:\n{self.said}"
            time.sleep(0.002)


class CommandServer:
    """A context manager that starts commands.

    Args:
        environment: variables of the server, besides those of this process.
    """

    def __init__(self, environment: Mapping[str, str] | None = None) -> None:
        self._environment = {**os.environ, **(environment or {})}

    def __enter__(self) -> "CommandServer":
        self._process = subprocess.Popen(
            [sys.executable, str(SERVER)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=self._environment,
        )
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()

    def start(
        self,
        command: str,
        *overrides: str,
        folder: Path,
        name: str,
        environment: Mapping[str, str] | None = None,
    ) -> ForkedCommand:
        """Start a command in a folder; what it says goes to the file `name`.txt there.

        Args:
            command: a script of the project, or the path of another one, without its ending.
            overrides: its command line.
            folder: where it runs.
            name: of the file for all it says.
            environment: variables of the process, besides those of the server.
        """
        output = folder / f"{name}.txt"
        request = {"command": command, "overrides": overrides, "environment": environment or {}}
        process = self.ask({**request, "folder": str(folder), "output": str(output)})
        return ForkedCommand(self, process, output)

    def ask(self, request: dict) -> int:
        """Send a request, and return the number in the answer."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{json.dumps(request)}\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())

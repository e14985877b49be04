"""Places that this process writes to, and nobody else meanwhile."""

from collections.abc import Iterator, Sequence, Set
from contextlib import contextmanager, suppress
from pathlib import Path

from mdn.app.errors import UserError
from mdn.app.lock import HeldError, Lock
from mdn.app.written_files import CHECKPOINTS, SAVED, SETTINGS, WRITTEN, logs, there
from mdn.data.unfinished_files import start_of_name

LOCK_FILE = ".mdn.lock"

_FOLDERS = (".hydra", "checkpoints", "figures/frames", "figures")


class Claim:
    """A directory under a lock, and what was in it before.

    Args:
        directory: it is made where it is missing.
        command: one of `WRITTEN`.
        key: the setting that names the directory.

    Attributes:
        directory: an absolute path.
        shown: the path as it was given.
        key: the setting that names it.
        replaced: files of an earlier evaluation, which go when the new ones are there.
        settings: what is to be written in `.hydra/` with the results, if Hydra has not done so.

    Raises:
        UserError: if another command writes there.
        OSError: if the directory cannot be made.
    """

    def __init__(self, directory: Path, command: str, key: str) -> None:
        self.shown, self.directory, self.key = directory, directory.absolute(), key
        self.replaced: list[Path] = []
        self.settings: dict[str, str] = {}
        self._command = command
        was_there = self.directory.exists()
        self._lock = _locked(directory, self.directory / LOCK_FILE, command, key)
        self._remove_files_of_the_dead()
        folders = [self.directory / name for name in _FOLDERS]
        self._earlier = {*self._written(), *self._saved(command)}
        self._earlier |= {folder for folder in folders if folder.exists()}
        self._earlier |= {self.directory} if was_there else set()

    @property
    def began(self) -> float:
        """When it was claimed, in seconds since the epoch, by the clock of its disk."""
        return self._lock.began

    def _remove_files_of_the_dead(self) -> None:
        # It began where none of these names was taken, and ended before it had saved anything.
        dead = self._lock.left_by
        if dead is None or dead.command not in WRITTEN:
            return
        if not self._saved(dead.command):
            names = (*SETTINGS, *WRITTEN[dead.command])
            of_the_dead = there(self.directory, names)
            for path in of_the_dead + logs(self.directory, dead.process, dead.machine):
                path.unlink(missing_ok=True)

    def _written(self) -> list[Path]:
        names = (*SETTINGS, *WRITTEN[self._command])
        return there(self.directory, names) + logs(self.directory)

    def _saved(self, command: str) -> list[Path]:
        return there(self.directory, SAVED[command])

    def remove_leftovers(self) -> None:
        """Remove the files of a command that has saved nothing, and the folders that it made."""
        saved = {*self._saved(self._command)} - self._earlier
        if saved or there(self.directory, CHECKPOINTS):
            return
        for path in {*self._written()} - self._earlier:
            path.unlink(missing_ok=True)
        self._remove_folders(_FOLDERS)

    def remove_replaced(self, kept: Set[Path]) -> None:
        """Remove files of an earlier evaluation that the new one has not replaced."""
        removed = {*self.replaced} - kept
        for path in removed:
            path.unlink(missing_ok=True)
        for folder in {path.parent for path in removed} - {self.directory}:
            with suppress(OSError):  # something else is in it
                folder.rmdir()

    def release(self, *, in_order: bool = False) -> None:
        """Let others write there; the directory goes if it is empty and was made for this.

        Args:
            in_order: whether what is there shall stay, even if nothing has been saved.
        """
        # Files that are left without anything saved keep their owner's name: the next one removes
        # them.
        left = {*self._written()} - self._earlier
        stays = in_order or bool(self._saved(self._command))
        self._lock.release(remove=not left or stays)
        self._remove_folders([""])

    def _remove_folders(self, names: Sequence[str]) -> None:
        for folder in (self.directory / name for name in names):
            if folder not in self._earlier:
                with suppress(OSError):  # something else is in it
                    folder.rmdir()


def _locked(place: Path, lock_file: Path, command: str, key: str) -> Lock:
    try:
        return Lock(lock_file, command)
    except HeldError as held:
        raise UserError(
            f"{place} is being written to by {held}; wait until that has ended, stop it, or set "
            f"another {key}"
        ) from None


@contextmanager
def claimed_file(path: Path | None, command: str) -> Iterator[None]:
    """Let nobody else write to a file meanwhile, whose folder exists; None is no file.

    Raises:
        UserError: if another command writes to it.
    """
    if path is None:
        yield
        return
    lock_file = path.with_name(f".{start_of_name(path)}{LOCK_FILE}")
    lock = _locked(path, lock_file, command, "out")
    try:
        yield
    finally:
        lock.release()


class Claims:
    """All claims of this process."""

    def __init__(self) -> None:
        self._held: dict[Path, Claim] = {}

    def take(self, directory: Path, command: str, key: str) -> Claim:
        """Claim a directory until `release`; see `Claim`."""
        claim = Claim(directory, command, key)
        self._held[claim.directory.resolve()] = claim
        return claim

    def of(self, directory: Path) -> Claim | None:
        """Return the claim of a directory, if this process has one."""
        return self._held.get(directory.resolve())

    def remove_leftovers(self) -> None:
        """Remove the files of a command that has saved nothing."""
        for claim in self._held.values():
            claim.remove_leftovers()

    @contextmanager
    def of_job(self) -> Iterator[None]:
        """Release at the end what has been claimed inside; after an error `release` does."""
        before = [*self._held]
        yield
        # A job of a sweep that has failed leaves its settings and its error.
        for place in [place for place in self._held if place not in before]:
            self._held.pop(place).release(in_order=True)

    @contextmanager
    def of_command(self) -> Iterator[None]:
        """Release all at the end, which may be an error."""
        try:
            yield
        finally:
            self.release()

    def release(self) -> None:
        """Release all claims."""
        while self._held:
            self._held.popitem()[1].release()


CLAIMS = Claims()

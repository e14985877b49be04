"""What a collection of public sets is, and how a set is found by the beginning of its name."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.public.split import Split


@dataclass(frozen=True)
class Collection(ABC):
    """Sets that are split and scored alike.

    Attributes:
        folder: where their files are; None where there are none to read.
    """

    folder: Path | None

    grid_points = 0
    """Points of the grid on which the published protocol scores a density; 0 for none."""

    sign = 1
    """-1 where the published figures are log-likelihoods, of which more is better."""

    figure = "NLL"
    """What the published figures are called."""

    @abstractmethod
    def names(self) -> list[str]:
        """Return the names of the sets that are here."""

    @abstractmethod
    def num_splits(self, name: str) -> int:
        """Return how many splits the protocol has of a set."""

    @abstractmethod
    def split(self, name: str, number: int) -> Split:
        """Return one split of a set."""

    def sources(self, name: str) -> list[Path]:
        """Return the files that a set is read from."""
        return []

    def chosen(self, wanted: Sequence[str]) -> list[str]:
        """Return the names of the sets that are asked for, or of all.

        Raises:
            ValueError: on a name that no set, or more than one, begins with.
        """
        known = self.names()
        return [full_name(name, known) for name in wanted] if wanted else known


def full_name(wanted: str, known: Sequence[str]) -> str:
    """Return the one name that is this, or begins with it.

    Raises:
        ValueError: if there is none, or more than one.
    """
    found = [name for name in known if name == wanted] or [
        name for name in known if name.startswith(wanted)
    ]
    if len(found) != 1:
        raise ValueError(f"problems must be of {list(known)}, or how one begins, got {wanted!r}")
    return found[0]


def file_in(folder: Path | None, file: str, suite: str) -> Path:
    """Return the file of a name, anywhere in a folder.

    Raises:
        ValueError: if there is no folder, or no such file in it.
    """
    if folder is None:
        raise ValueError(f"suite {suite} needs files; add data=FOLDER")
    found = sorted(folder.rglob(file))
    if not found:
        raise ValueError(f"there is no {file} in {folder}; docs/benchmarks says where it is from")
    return found[0]


def present(files: dict[str, str], folder: Path | None, suite: str) -> list[str]:
    """Return the names whose files are in a folder.

    Raises:
        ValueError: if there is no folder, or none of the files in it.
    """
    if folder is None:
        raise ValueError(f"suite {suite} needs files; add data=FOLDER")
    names = [name for name, file in files.items() if any(folder.rglob(file))]
    if not names:
        raise ValueError(f"there is none of {sorted(set(files.values()))} in {folder}")
    return names

"""What a job has measured, in a file of its own: a killed call loses only the jobs it was at."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from mdn.data.write import make_folder, write_text


@dataclass(frozen=True)
class Result:
    """The figures of a job.

    Attributes:
        train_rows: how many rows there were to learn from.
        figures: by name, of the mean test row.
        rows: the score of each test row.
        seconds: of the fit.
        chosen: what the fit has decided.
        stamp: what all of it depends on.
        commit: that the program was at.
    """

    train_rows: int
    figures: Mapping[str, float]
    rows: list[float]
    seconds: float
    chosen: Mapping[str, object] = field(default_factory=dict)
    stamp: Mapping[str, str] = field(default_factory=dict)
    commit: str = ""

    @property
    def score(self) -> float:
        """Return the figure that is compared."""
        return self.figures["score"]


def write(result: Result, path: Path) -> None:
    """Write a result, whole or not at all."""
    make_folder(path.parent)
    write_text(json.dumps(asdict(result), indent=1, default=str), path)


def read(path: Path, stamp: Mapping[str, str]) -> Result | None:
    """Return the result in a file; None where there is none, or it depends on something else."""
    if not path.exists():
        return None
    found = Result(**json.loads(path.read_text()))
    return found if found.stamp == stamp else None

"""One job: a contender learns from one split of a set, and its predictions are scored."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import torch
from threadpoolctl import threadpool_limits

import mdn
from benchmarks.public import scores, split
from benchmarks.public.collection import Collection
from benchmarks.public.contenders import OURS, RIVALS, contender, module_of
from benchmarks.public.contenders.prediction import Machine
from benchmarks.public.known import collection
from benchmarks.public.result import Result

Stamp = dict[str, str]


@dataclass(frozen=True)
class Job:
    """What to measure.

    Attributes:
        suite: the collection.
        name: the set.
        number: the split.
        contender: its name, with other settings of ours if any.
        data: the folder of the files.
        machine: what the fit may use.
    """

    suite: str
    name: str
    number: int
    contender: str
    data: Path | None
    machine: Machine

    @property
    def title(self) -> str:
        """Return what the job is called."""
        return f"{self.name}-{self.number}-{self.contender}".replace("/", "_")

    @property
    def collection(self) -> Collection:
        """Return the collection of the set."""
        return collection(self.suite, self.data)

    @property
    def stamp(self) -> Stamp:
        """Return what the figures depend on: a result with another stamp is not used again.

        Our own figures depend on all of this package, a rival's on its own module and packages
        and on the metrics; both on the rows, the split and the scores.
        """
        packages = RIVALS[self.contender].packages if self.contender in RIVALS else ()
        code = [module_of(self.contender), type(self.collection).__module__]
        files = [*map(_file_of, code), Path(scores.__file__), Path(split.__file__)]
        return {
            "code": digest([*files, *_package_files(self.contender)]),
            "data": digest(self.collection.sources(self.name)),
            "device": self.machine.device,
            **{name: version(name) for name in ("torch", *packages)},
        }

    def run(self) -> Result:
        """Fit, predict and score."""
        torch.set_num_threads(self.machine.threads)
        rows = self.collection.split(self.name, self.number)
        with threadpool_limits(self.machine.threads):
            found = contender(self.contender)(rows, self.machine)
        return Result(
            train_rows=len(rows.train),
            figures=scores.figures_of(found.mixture, rows, self.collection.grid_points),
            rows=scores.row_scores(found.mixture, rows).tolist(),
            seconds=found.seconds,
            chosen=dict(found.chosen),
        )


def digest(files: Iterable[Path]) -> str:
    """Return a digest over the contents of files, in the order of their names."""
    found = hashlib.sha256()
    for path in sorted(files, key=str):
        found.update(f"{path.name}\0".encode() + path.read_bytes())
    return found.hexdigest()[:16]


@cache
def _package_files(name: str) -> tuple[Path, ...]:
    folder = Path(str(mdn.__file__)).parent
    inside = folder if name.split("+")[0] == OURS else folder / "metrics"
    return tuple(inside.rglob("*.py"))


def _file_of(module: str) -> Path:
    spec = find_spec(module)
    assert spec is not None
    return Path(str(spec.origin))

"""A table of all jobs at the end of a sweep."""

import csv
import io
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from omegaconf import DictConfig, OmegaConf
from rich.console import Console
from rich.table import Table as Grid

from mdn.app.job_errors import error_of, without_file
from mdn.app.job_memory import MemoryRelease
from mdn.app.run_directory import METRICS_FILE, SWEEP_FILE
from mdn.data.write import write_text
from mdn.data.write_errors import WriteError

_SHOWN = ("test/nll", "test/excess_nll", "val/nll", "fit_seconds", "epochs")


class SweepTable(MemoryRelease):
    """Prints the jobs of a sweep and their scores, and writes them as CSV in its directory.

    Exits with status 1 after the table if a job failed.
    """

    def on_multirun_end(self, config: DictConfig, **kwargs: object) -> None:
        directory = Path(config.hydra.sweep.dir)
        jobs = read_jobs(directory)
        if not jobs:
            return
        unwritten = write_tables({directory / SWEEP_FILE: [job.row for job in jobs]})
        print_grid(_grid(jobs))
        if not unwritten:
            print(f"\ntable       {directory / SWEEP_FILE}")
        exit_if_failed(jobs, unwritten)


@dataclass(frozen=True)
class Job:
    """A job of a sweep: its overrides, its scores, and the last line of its error if it failed."""

    name: str
    overrides: list[str]
    error: str
    metrics: dict[str, float]

    @property
    def row(self) -> dict[str, str | float]:
        """Return the job as one line of a table."""
        settings = {"job": self.name, "overrides": " ".join(self.overrides), "error": self.error}
        return settings | self.metrics


def read_jobs(directory: Path) -> list[Job]:
    """Return the jobs of a sweep in order, read from their directories."""
    jobs = {path.parent.name: path.parent for path in directory.glob("*/.hydra")}
    jobs |= {path.name: path for path in without_file(directory)}
    return [_job(jobs[name]) for name in sorted(jobs, key=_number)]


def _number(name: str) -> tuple[int, str]:
    return (int(name), name) if name.isdigit() else (sys.maxsize, name)


def _job(directory: Path) -> Job:
    written, metrics = directory / ".hydra" / "overrides.yaml", directory / METRICS_FILE
    listed = OmegaConf.load(written) if written.exists() else OmegaConf.create([])
    overrides = OmegaConf.to_container(listed, resolve=False)  # as they were typed
    assert isinstance(overrides, list)
    return Job(
        directory.name,
        [str(override) for override in overrides],
        error_of(directory),
        json.loads(metrics.read_text()) if metrics.exists() else {},
    )


def write_csv(rows: Sequence[Mapping[str, object]], path: Path) -> None:
    """Write rows as CSV; columns that a row does not have stay empty."""
    columns = list(dict.fromkeys(key for row in rows for key in row))
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, columns)
    writer.writeheader()
    writer.writerows(rows)
    write_text(text.getvalue(), path)


def write_tables(tables: Mapping[Path, Sequence[Mapping[str, object]]]) -> list[str]:
    """Write tables as CSV; return a sentence for each that could not be written."""
    unwritten: list[str] = []
    for path, rows in tables.items():
        try:
            write_csv(rows, path)
        except WriteError as error:  # Hydra would make a warning of it, and exit with 0
            unwritten.append(f"error: {error}")
    return unwritten


def print_grid(grid: Grid) -> None:
    """Print a table, in a log as wide as it needs to be."""
    console = Console(highlight=False)
    console.width = console.width if console.is_terminal else 200
    console.print(grid)


def exit_if_failed(jobs: Sequence[Job], unwritten: Sequence[str] = ()) -> None:
    """End the command with status 1 if jobs failed, which it names, or if tables are unwritten.

    Args:
        jobs: all jobs of the sweep.
        unwritten: a sentence for each table that could not be written.
    """
    failed = [job.name for job in jobs if job.error]
    said = [f"{len(failed)} of {len(jobs)} jobs failed: {', '.join(failed)}"] if failed else []
    if said or unwritten:
        sys.exit("\n".join([*said, *unwritten]))


def varied_overrides(overrides: Sequence[list[str]]) -> list[str]:
    """Return, for each job, the overrides that not all jobs share."""
    common = set.intersection(*map(set, overrides))
    return [" ".join(each for each in own if each not in common) for own in overrides]


def _grid(jobs: Sequence[Job]) -> Grid:
    shown = [key for key in _SHOWN if any(key in job.metrics for job in jobs)]
    failed = any(job.error for job in jobs)
    grid = Grid("job", "choice", *shown, *(["error"] if failed else []), box=None)
    varied = varied_overrides([job.overrides for job in jobs])
    for job, choice in zip(jobs, varied, strict=True):
        scores = [f"{job.metrics[key]:.4g}" if key in job.metrics else "" for key in shown]
        grid.add_row(job.name, choice, *scores, *([job.error] if failed else []))
    return grid

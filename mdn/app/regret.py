"""How far a recipe is from the best possible density, over problems and seeds.

Regret, or excess NLL, is the test NLL minus the NLL of the exact density on the same rows. A line
of the table is a problem under one choice of settings. Its numbers are means over seeds, the first
with its standard error s / sqrt(n).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import isfinite, sqrt
from pathlib import Path
from statistics import fmean, stdev

from omegaconf import DictConfig
from rich.table import Table as Grid

from mdn.app.job_memory import MemoryRelease
from mdn.app.run_directory import REGRET_FILE, SWEEP_FILE
from mdn.app.sweep import Job, exit_if_failed, print_grid, read_jobs, varied_overrides, write_tables

_OVER_SEEDS = {
    # column: (metric, digits printed)
    "excess_nll": ("test/excess_nll", 4),
    "optimal_nll": ("test/optimal_nll", 4),
    "position_error": ("test/position_error", 5),
    "seconds": ("fit_seconds", 1),
    "alive": ("test/components_alive", 1),
    "components": ("num_components", 0),
}
"""Metrics that are averaged over seeds."""

_ALL = "all"


class RegretTable(MemoryRelease):
    """Prints the mean excess NLL of each problem of a sweep, and writes it and all jobs as CSV.

    Runs that failed, or whose score is not finite, are counted and left out of the means. If there
    are any, the command exits with status 1 after the table.
    """

    def on_multirun_end(self, config: DictConfig, **kwargs: object) -> None:
        directory = Path(config.hydra.sweep.dir)
        jobs = [_with_error(job) for job in read_jobs(directory)]
        if not jobs:
            return
        lines = regret_lines(jobs)
        tables = {SWEEP_FILE: [job.row for job in jobs], REGRET_FILE: [line.row for line in lines]}
        unwritten = write_tables({directory / name: rows for name, rows in tables.items()})
        print_grid(_grid(lines))
        for error in dict.fromkeys(job.error for job in jobs if job.error):
            print(f"failed      {error}")
        print(f"\ntable       {directory / REGRET_FILE}\nevery run   {directory / SWEEP_FILE}")
        exit_if_failed(jobs, unwritten)


@dataclass(frozen=True)
class Line:
    """One line of the table.

    Attributes:
        problem: its configuration.
        choice: the settings that not all runs share, except problem and seed.
        runs: number of runs.
        failed: number of runs that failed.
        excess_se: standard error of the mean excess; None for fewer than two runs.
        means: means over seeds by column, where known.
    """

    problem: str
    choice: str
    runs: int
    failed: int
    excess_se: float | None
    means: dict[str, float]

    @property
    def row(self) -> dict[str, str | float | None]:
        """Return the line with a value or None for each column."""
        group = {"problem": self.problem, "choice": self.choice}
        counts = {"runs": self.runs, "failed": self.failed}
        means = {column: self.means.get(column) for column in _OVER_SEEDS}
        excess = {"excess_nll": means.pop("excess_nll"), "excess_se": self.excess_se}
        return group | excess | means | counts


def regret_lines(jobs: Sequence[Job]) -> list[Line]:
    """Return a line for each problem and choice, in order of the jobs, then a total per choice."""
    overrides = [dict(each.split("=", 1) for each in job.overrides) for job in jobs]
    problems = [own.pop("data", "") for own in overrides]
    settings = [[f"{k}={v}" for k, v in own.items() if k != "seed"] for own in overrides]
    groups: dict[tuple[str, str], list[Job]] = {}
    for problem, choice, job in zip(problems, varied_overrides(settings), jobs, strict=True):
        groups.setdefault((problem, choice), []).append(job)
    lines = [_line(*group, runs) for group, runs in groups.items()]
    return lines + [
        _total([line for line in lines if line.choice == choice])
        for choice in dict.fromkeys(line.choice for line in lines)
    ]


def _with_error(job: Job) -> Job:
    # A job may end without an error and still have no finite score.
    score = job.metrics.get("test/nll")
    if job.error or (score is not None and isfinite(score)):
        return job
    return replace(job, error="no score" if score is None else f"test/nll is {score}")


def _line(problem: str, choice: str, jobs: Sequence[Job]) -> Line:
    scored = [job.metrics for job in jobs if not job.error]
    excess = _known(scored, "test/excess_nll")
    error = stdev(excess) / sqrt(len(excess)) if len(excess) > 1 else None
    known = {column: _known(scored, key) for column, (key, _) in _OVER_SEEDS.items()}
    return Line(problem, choice, len(jobs), len(jobs) - len(scored), error, _means(known))


def _total(lines: Sequence[Line]) -> Line:
    # Each problem counts once, however many runs it has.
    known = {column: _known([line.means for line in lines], column) for column in _OVER_SEEDS}
    compared = [line for line in lines if "excess_nll" in line.means]
    errors = [line.excess_se for line in compared if line.excess_se is not None]
    complete = errors and len(errors) == len(compared)
    error = sqrt(sum(each**2 for each in errors)) / len(errors) if complete else None
    runs, failed = (
        sum(counts) for counts in zip(*((x.runs, x.failed) for x in lines), strict=True)
    )
    return Line(_ALL, lines[0].choice, runs, failed, error, _means(known))


def _known(rows: Iterable[Mapping[str, float]], key: str) -> list[float]:
    return [row[key] for row in rows if key in row]


def _means(known: dict[str, list[float]]) -> dict[str, float]:
    return {column: fmean(values) for column, values in known.items() if values}


def _grid(lines: Sequence[Line]) -> Grid:
    rows = [line.row for line in lines]
    columns = [column for column in rows[0] if any(row[column] not in (None, "") for row in rows)]
    grid = Grid(box=None)
    for column in columns:
        grid.add_column(column, justify="left" if column in ("problem", "choice") else "right")
    for row in rows:
        last = "bold" if row["problem"] == _ALL else ""
        grid.add_row(*(_readable(column, row[column]) for column in columns), style=last)
    return grid


def _readable(column: str, value: object) -> str:
    if not isinstance(value, float):
        return "" if value is None else str(value)
    digits = _OVER_SEEDS[column][1] if column in _OVER_SEEDS else 4
    return f"{value:.{digits}f}"

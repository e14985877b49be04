"""One table of all jobs at the end of a sweep."""

import csv
import json
import sys
from pathlib import Path
from typing import Any

from hydra.experimental.callback import Callback
from omegaconf import DictConfig, OmegaConf
from rich.console import Console
from rich.table import Table as Grid

from mdn.run.files import ERROR_FILE, METRICS_FILE, SWEEP_FILE

_SHOWN = ("test/nll", "test/excess_nll", "val/nll", "fit_seconds", "epochs")


class SweepTable(Callback):
    """Prints a sweep's jobs and their scores, and writes all of them as CSV in its directory.

    Exits with 1 when a job failed, after the table.
    """

    def on_multirun_end(self, config: DictConfig, **kwargs: Any) -> None:
        directory = Path(config.hydra.sweep.dir)
        jobs = [_job(path.parent) for path in sorted(directory.glob("*/.hydra"), key=_number)]
        if not jobs:
            return
        _write(jobs, directory / SWEEP_FILE)
        _print(jobs)
        print(f"\ntable       {directory / SWEEP_FILE}")
        failed = [job["job"] for job in jobs if job["error"]]
        if failed:
            sys.exit(f"{len(failed)} of {len(jobs)} jobs failed: {', '.join(failed)}")


def _number(path: Path) -> tuple[int, str]:
    name = path.parent.name
    return (int(name), name) if name.isdigit() else (sys.maxsize, name)


def _job(directory: Path) -> dict[str, Any]:
    """What one job was asked, what it scored, and the last line of its error."""
    overrides = OmegaConf.load(directory / ".hydra" / "overrides.yaml")
    error = directory / ERROR_FILE
    metrics = directory / METRICS_FILE
    return {
        "job": directory.name,
        "overrides": " ".join(str(override) for override in overrides),
        "error": error.read_text().strip().splitlines()[-1] if error.exists() else "",
        **(json.loads(metrics.read_text()) if metrics.exists() else {}),
    }


def _write(jobs: list[dict[str, Any]], path: Path) -> None:
    columns = list(dict.fromkeys(key for job in jobs for key in job))
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, columns)
        writer.writeheader()
        writer.writerows(jobs)


def _print(jobs: list[dict[str, Any]]) -> None:
    shown = [key for key in _SHOWN if any(key in job for job in jobs)]
    failed = any(job["error"] for job in jobs)
    grid = Grid("job", "choice", *shown, *(["error"] if failed else []), box=None)
    for job, choice in zip(jobs, _choices(jobs), strict=True):
        scores = [f"{job[key]:.4g}" if key in job else "" for key in shown]
        grid.add_row(job["job"], choice, *scores, *([job["error"]] if failed else []))
    console = Console(highlight=False)
    console.width = console.width if console.is_terminal else 200
    console.print(grid)


def _choices(jobs: list[dict[str, Any]]) -> list[str]:
    """What tells the jobs apart: the overrides that they do not all share."""
    asked = [job["overrides"].split() for job in jobs]
    common = set.intersection(*map(set, asked)) if len(jobs) > 1 else set()
    return [" ".join(each for each in one if each not in common) for one in asked]

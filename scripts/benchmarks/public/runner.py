"""Jobs shared out over processes, each of one thread or a few; what is measured is kept."""

import multiprocessing
import subprocess
import sys
import traceback
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor, Future, ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from benchmarks.public.job import Job, Stamp
from benchmarks.public.result import Result, read, write

Results = dict[Job, Result]


def results_of(jobs: Sequence[Job], folder: Path, processes: int) -> tuple[Results, list[str]]:
    """Return the results of jobs, and what failed.

    A result that is in the folder is used again if its stamp is what the job's would be now.

    Args:
        jobs: what to measure, the longest first.
        folder: where each result has a file of its own.
        processes: how many jobs run at once; with one they run in this process.
    """
    # Taken before the code is loaded that they speak of: it may be edited meanwhile.
    stamps = {job: job.stamp for job in jobs}
    stored = {job: read(_path(job, folder), stamp) for job, stamp in stamps.items()}
    known = {job: result for job, result in stored.items() if result is not None}
    failures: list[str] = []
    if known:
        _say(f"{len(known)} of {len(jobs)} jobs were measured before")
    missing = {job: stamp for job, stamp in stamps.items() if job not in known}
    for job, outcome in _outcomes(missing, folder, processes):
        if isinstance(outcome, Result):
            known[job] = outcome
            _say(f"{len(known)}/{len(jobs)} {job.title}: {outcome.score:.3f}")
        else:
            failures.append(f"{job.title}: {outcome}")
            _say(failures[-1])
    return {job: known[job] for job in jobs if job in known}, failures


def _outcomes(
    stamps: dict[Job, Stamp], folder: Path, processes: int
) -> Iterator[tuple[Job, Result | str]]:
    commit = commit_here()
    tasks = {job: (job, stamp, commit, folder) for job, stamp in stamps.items()}
    if processes == 1:
        yield from ((job, _measured(*task)) for job, task in tasks.items())
        return
    with _pool(processes) as pool:
        futures = {pool.submit(_measured, *task): job for job, task in tasks.items()}
        for future in as_completed(futures):
            yield futures[future], _answer(future)


@contextmanager
def _pool(processes: int) -> Iterator[Executor]:
    # Started anew and not forked: torch has threads by now.
    pool = ProcessPoolExecutor(processes, mp_context=multiprocessing.get_context("spawn"))
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)


def _answer(future: Future[Result | str]) -> Result | str:
    try:
        return future.result()
    except Exception as error:  # the process was killed
        return f"{type(error).__name__}: {error}"


def _measured(job: Job, stamp: Stamp, commit: str, folder: Path) -> Result | str:
    try:
        result = replace(job.run(), stamp=stamp, commit=commit)
        write(result, _path(job, folder))
    except Exception as error:
        traceback.print_exc()
        return f"{type(error).__name__}: {error}"
    return result


def _path(job: Job, folder: Path) -> Path:
    return folder / f"{job.title}.json"


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def commit_here() -> str:
    """Return the commit that this program is at, with a + after it where files are changed."""
    folder = Path(__file__).parent
    commands = ["rev-parse", "--short", "HEAD"], ["status", "--porcelain", "-uno"]
    try:
        commit, changed = (
            subprocess.run(["git", *c], cwd=folder, capture_output=True, text=True, check=True)
            for c in commands
        )
    except (OSError, subprocess.CalledProcessError):
        return ""
    return commit.stdout.strip() + "+" * bool(changed.stdout.strip())

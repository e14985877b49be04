"""The suites uci, boards, tables and regret: jobs, their results, and the tables of them."""

from collections.abc import Iterator

from benchmarks.options import Options
from benchmarks.output import Row
from benchmarks.public.collection import Collection
from benchmarks.public.contenders import checked
from benchmarks.public.contenders.prediction import Machine
from benchmarks.public.document import put_into, tables
from benchmarks.public.job import Job
from benchmarks.public.known import collection
from benchmarks.public.runner import results_of
from benchmarks.public.summary import row_of, summaries
from mdn.data.write import make_folder, write_text


def rows(options: Options) -> Iterator[Row]:
    """Yield a row for each set and contender; write the tables for the documentation.

    Raises:
        ValueError: at the end, if a job failed; the rest is measured and kept.
    """
    sets = collection(options.suite, options.data)
    folder = options.out / options.suite
    results, failures = results_of(jobs_of(options, sets), folder, options.processes)
    if results:
        make_folder(folder)
        text = tables(options.suite, sets, results)
        write_text(f"{text}\n", options.out / f"{options.suite}.md")
        if options.docs:
            put_into(options.docs / f"{options.suite}.md", text)
    for each in summaries(results).values():
        yield from (row_of(summary, each[0]) for summary in each)
    if failures:
        raise ValueError(f"{len(failures)} jobs failed; call again to try them: {failures[0]}")


def jobs_of(options: Options, sets: Collection) -> list[Job]:
    """Return the jobs of a call, split by split, so that early results are of all sets."""
    contenders = checked(options.contenders)
    names = sets.chosen(options.problems)
    machine = Machine(options.threads[0], options.device.type)
    return [
        Job(options.suite, name, number, contender, options.data, machine)
        for number in range(options.splits)
        for name in names
        if number < sets.num_splits(name)
        for contender in contenders
    ]

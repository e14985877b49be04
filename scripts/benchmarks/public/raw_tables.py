"""Twelve tables as they come, with text, gaps and dates, each with one fixed test part."""

from collections.abc import Sequence
from pathlib import Path

from benchmarks.public.collection import Collection
from benchmarks.public.split import Split, steps_of
from benchmarks.tables.problem import Problem, problems_in
from mdn.data.files import read_table


class RawTables(Collection):
    """The tables of a folder.

    Their targets are scored by cells however fine the grid: several have repeated values.
    """

    figure = "score"

    def names(self) -> list[str]:
        return [problem.name for problem in problems_in(self.folder, ())]

    def chosen(self, wanted: Sequence[str]) -> list[str]:
        known = problems_in(self.folder, wanted)
        return [name for name, _ in zip(wanted, known, strict=True)] if wanted else self.names()

    def num_splits(self, name: str) -> int:
        return 1

    def split(self, name: str, number: int) -> Split:
        problem = self._problem(name)
        targets = list(problem.targets)
        train, roles = read_table(problem.train, targets, None, None)
        kinds = dict(zip(roles.inputs, train.kinds, strict=True))
        known = kinds, train.reading.formats
        test, _ = read_table(problem.test, roles.targets, roles.inputs, None, (), *known)
        return Split(train, test, steps_of(train, train.profile.grid_steps), number, None, problem)

    def sources(self, name: str) -> list[Path]:
        problem = self._problem(name)
        return [problem.train, problem.test]

    def _problem(self, name: str) -> Problem:
        [problem] = problems_in(self.folder, [name])
        return problem

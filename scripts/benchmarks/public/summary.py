"""Means over splits, their standard errors, and paired differences.

With one split the rows of its test part take the place of splits.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import nan, sqrt
from statistics import fmean, stdev

from benchmarks.output import Row
from benchmarks.public.result import Result
from benchmarks.public.runner import Results

_CHANCE, _SPREAD_OF_CHANCE = 0.8687, 0.2603
"""Mean and standard deviation of sqrt(N) times the Kolmogorov distance of N uniform numbers."""


@dataclass(frozen=True)
class Mean:
    """A mean and its standard error."""

    value: float
    error: float


@dataclass(frozen=True)
class Summary:
    """The results of one contender on one set, by split.

    Attributes:
        name: of the set.
        contender: its name.
        results: by the number of the split.
    """

    name: str
    contender: str
    results: dict[int, Result]

    def mean(self, figure: str) -> float:
        """Return the mean of a figure over splits."""
        return fmean(result.figures[figure] for result in self.results.values())

    @property
    def score(self) -> Mean:
        """Return the figure that is compared."""
        return mean_of(_units(list(self.results.values())))

    @property
    def seconds(self) -> float:
        """Return the mean seconds of a fit."""
        return fmean(result.seconds for result in self.results.values())

    @property
    def rows(self) -> tuple[int, int]:
        """Return how many rows there are to learn from, and to score."""
        first = next(iter(self.results.values()))
        return first.train_rows, len(first.rows)

    @property
    def pit(self) -> float:
        """Return the mean of the root of the number of rows times the PIT distance."""
        return self.mean("pit_distance") * sqrt(self.rows[1])

    @property
    def pit_within_chance(self) -> bool:
        """Tell whether the mean distance is what chance alone would give, or less.

        That is up to two standard errors of the mean over the splits above its expected value.
        """
        return self.pit <= _CHANCE + 2 * _SPREAD_OF_CHANCE / sqrt(len(self.results))

    def behind(self, other: "Summary") -> Mean:
        """Return this score minus another, on the splits that both have."""
        both = sorted(self.results.keys() & other.results.keys())
        if not both:
            return Mean(nan, nan)
        ours, theirs = (_units([each.results[i] for i in both]) for each in (self, other))
        return mean_of([a - b for a, b in zip(ours, theirs, strict=True)])


def _units(results: Sequence[Result]) -> list[float]:
    return results[0].rows if len(results) == 1 else [result.score for result in results]


def mean_of(values: Sequence[float]) -> Mean:
    """Return the mean and its standard error; the error is NaN for a single value."""
    error = stdev(values) / sqrt(len(values)) if len(values) > 1 else nan
    return Mean(fmean(values), error)


def summaries(results: Results) -> dict[str, list[Summary]]:
    """Return the summaries of each set, contenders in the order of the jobs."""
    found: dict[str, dict[str, dict[int, Result]]] = {}
    for job, result in results.items():
        found.setdefault(job.name, {}).setdefault(job.contender, {})[job.number] = result
    return {
        name: [Summary(name, contender, splits) for contender, splits in each.items()]
        for name, each in found.items()
    }


def row_of(summary: Summary, first: Summary) -> Row:
    """Return the figures of a contender on a set, and how far it is behind the first."""
    score, behind = summary.score, summary.behind(first)
    return {
        "set": summary.name,
        "contender": summary.contender,
        "splits": len(summary.results),
        "score": score.value,
        "error": score.error,
        f"behind {first.contender}": behind.value,
        "its error": behind.error,
        "nll": summary.mean("nll"),
        "crps": summary.mean("crps"),
        "in 90 %": summary.mean("coverage"),
        "sqrt(n) pit": summary.pit,
        "rmse": summary.mean("rmse"),
        "seconds": summary.seconds,
    }

"""Test scores on raw tables: the default recipe beside CatBoost's Gaussian, paired by row.

The run is the training command with nothing but files and targets. Scores are in nats per row and
in the user's units, by the probability of cells where a target lies on a grid. A table whose scores
are in its JSON file already is not measured again: delete the file to do so.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from math import sqrt
from pathlib import Path
from statistics import fmean, median, stdev

import torch

from benchmarks.options import Options
from benchmarks.output import Row
from benchmarks.tables import boosted_gaussian
from benchmarks.tables.problem import Problem, problems_of
from benchmarks.tables.rows import tables_of, trained
from benchmarks.tables.scores import Scores, cells_of, scores_of
from mdn.data.write import write_text


def rows(options: Options) -> Iterator[Row]:
    """Yield a row for each table, and one with the worst figure of each column."""
    torch.set_num_threads(options.threads[0])
    measured = [summary(problem, scores(problem, options)) for problem in problems_of(options)]
    yield from measured
    yield worst(measured)


def scores(problem: Problem, options: Options) -> dict[str, Scores]:
    """Return the scores of each contender, of which those in the table's file are not made anew.

    Raises:
        ValueError: on an unknown contender.
    """
    path = options.out / "tables" / f"{problem.name}.json"
    known = _read(path)
    for name in chosen(options.contenders):
        if name not in known:
            known[name] = CONTENDERS[name](problem, options)
            path.parent.mkdir(parents=True, exist_ok=True)
            write_text(json.dumps({each: known[each].plain() for each in known}), path)
    return known


def _read(path: Path) -> dict[str, Scores]:
    stored = json.loads(path.read_text()) if path.exists() else {}
    return {name: Scores(**each) for name, each in stored.items()}


def chosen(names: Sequence[str]) -> Sequence[str]:
    """Return these contenders, or all that are installed.

    Raises:
        ValueError: on an unknown name.
    """
    unknown = set(names) - set(CONTENDERS)
    if unknown:
        raise ValueError(f"contenders must be of {list(CONTENDERS)}, got {sorted(unknown)}")
    installed = ["default", *(["catboost"] if boosted_gaussian.is_installed() else [])]
    return names or installed


def _default(problem: Problem, options: Options) -> Scores:
    model, seconds = trained(problem, options)
    tables = tables_of(problem, options)
    with torch.no_grad():
        mixture = model(tables["test"].x)
    cells = cells_of(tables["train"])
    return scores_of(mixture, model.marginal, tables["test"], cells, seconds)


def _catboost(problem: Problem, options: Options) -> Scores:
    tables = tables_of(problem, options)
    test, cells = tables["test"], cells_of(tables["train"])
    mixture, seconds = boosted_gaussian.predictions(problem, test, options.threads[0])
    return scores_of(mixture, mixture, test, cells, seconds)


CONTENDERS: dict[str, Callable[[Problem, Options], Scores]] = {
    "default": _default,
    "catboost": _catboost,
}


def summary(problem: Problem, measured: dict[str, Scores]) -> Row:
    """Return the figures of a table; NaN where CatBoost is not measured."""
    ours = measured["default"]
    theirs = measured["catboost"].grid_nll if "catboost" in measured else [float("nan")]
    pairs = zip(ours.grid_nll, theirs, strict=len(theirs) == len(ours.grid_nll))
    behind, error = mean_and_error([a - b for a, b in pairs])
    return {
        "table": problem.name,
        "rows": len(ours.nll),
        "nll": fmean(ours.nll),
        "score": fmean(ours.grid_nll),
        "median": median(ours.grid_nll),
        "Gaussian": fmean(ours.marginal_nll),
        "CatBoost": fmean(theirs),
        "its median": median(theirs),
        "behind": behind,
        "error": error,
        "errors behind": behind / error,
        "in 90 %": fmean(ours.inside),
        "seconds": ours.seconds,
    }


def worst(measured: Sequence[Row]) -> Row:
    """Return the largest of the figures that should be small; nothing of the others."""
    compared = {"behind", "errors behind", "seconds"}
    return {
        name: max(float(row[name]) for row in measured) if name in compared else ""
        for name in measured[0]
    } | {"table": "worst"}


def mean_and_error(values: Sequence[float]) -> tuple[float, float]:
    """Return the mean and its standard error; NaN for a single value."""
    spread = stdev(values) if len(values) > 1 else float("nan")
    return fmean(values), spread / sqrt(len(values))

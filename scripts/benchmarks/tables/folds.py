"""Small tables out of fold: whether the default recipe overfits, and how much its intervals hold.

The rows of both files are split into ten folds, several times. Each fold is predicted by a model of
the other nine, and the scores of all are pooled. The standard error counts each row once, however
often it was predicted.
"""

import json
import warnings
from collections.abc import Iterator
from math import sqrt
from pathlib import Path
from statistics import fmean, median, pstdev

import torch

from benchmarks.options import Options
from benchmarks.output import Row
from benchmarks.tables.problem import Problem, problems_of
from benchmarks.tables.rows import all_rows
from benchmarks.tables.scores import Scores, cells_of, scores_of
from mdn.data.kinds.coding import recoded
from mdn.data.seeds import generator
from mdn.data.table import Table
from mdn.data.write import write_text
from mdn.training.fit import fit

FOLDS = 10
_MOST_ROWS = 350
"""Tables with more rows are left out, unless they are asked for."""


def rows(options: Options) -> Iterator[Row]:
    """Yield a row for each small table."""
    torch.set_num_threads(options.threads[0])
    for problem in problems_of(options):
        table = all_rows(problem)
        if options.problems or len(table) <= _MOST_ROWS:
            drawn = [scores(problem, table, seed, options) for seed in range(options.splits)]
            yield summary(problem, drawn)


def scores(problem: Problem, table: Table, seed: int, options: Options) -> Scores:
    """Return the scores of all rows, each out of fold; those in their file are not made anew."""
    path = options.out / "folds" / f"{problem.name}.{seed}.json"
    if not path.exists():
        each = [_fold(table, rows, seed) for rows in folds(len(table), seed)]
        path.parent.mkdir(parents=True, exist_ok=True)
        write_text(json.dumps(_pooled(each).plain()), path)
    return _read(path)


def folds(rows: int, seed: int) -> list[torch.Tensor]:
    """Split the numbers of rows into ten, at random."""
    order = torch.randperm(rows, generator=generator("folds", seed))
    return list(order.tensor_split(FOLDS))


def _read(path: Path) -> Scores:
    return Scores(**json.loads(path.read_text()))


def _fold(table: Table, rows: torch.Tensor, seed: int) -> Scores:
    rest = torch.ones(len(table), dtype=torch.bool)
    rest[rows] = False
    train = table[rest.nonzero().squeeze(-1)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # remarks on the rows
        model = fit({"seed": seed}, train)
    test = recoded(table[rows], model.card.fitted_kinds)
    with torch.no_grad():
        mixture = model(test.x)
    return scores_of(mixture, model.marginal, test, cells_of(train), 0.0)


def _pooled(each: list[Scores]) -> Scores:
    return Scores(
        nll=[value for scores in each for value in scores.nll],
        grid_nll=[value for scores in each for value in scores.grid_nll],
        inside=[value for scores in each for value in scores.inside],
        marginal_nll=[value for scores in each for value in scores.marginal_nll],
        seconds=0.0,
    )


def summary(problem: Problem, drawn: list[Scores]) -> Row:
    """Return the figures of a table, pooled over all rows and draws."""
    ours = [value for scores in drawn for value in scores.nll]
    marginal = [value for scores in drawn for value in scores.marginal_nll]
    behind = [a - b for a, b in zip(ours, marginal, strict=True)]
    count = len(drawn[0].nll)
    return {
        "table": problem.name,
        "rows": count,
        "draws": len(drawn),
        "nll": fmean(ours),
        "median": median(ours),
        "Gaussian": fmean(marginal),
        "behind": fmean(behind),
        "error": pstdev(behind) / sqrt(count),
        "in 90 %": fmean(value for scores in drawn for value in scores.inside),
    }

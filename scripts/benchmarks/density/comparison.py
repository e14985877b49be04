"""Test NLL on real data: the default recipe beside simple estimators of a conditional density.

Every contender sees the same random nine tenths of the rows. Networks validate on some of these;
the other contenders use all of them, and tune themselves by leave-one-out likelihood.
Scores are in nats per row and in the user's units; differences are taken split by split.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from math import nan, sqrt
from statistics import fmean, stdev

import torch
from jaxtyping import Float64
from torch import Tensor

from benchmarks.density import kernel, neighbors, one_gaussian, recipes
from benchmarks.density.split import Split, splits_of
from benchmarks.options import Options
from benchmarks.output import Row, write
from mdn.data.table import Table


def rows(options: Options) -> Iterator[Row]:
    """Yield a row for each problem and contender; write the score of each split to its own file."""
    torch.set_num_threads(options.threads[0])
    contenders = chosen(options.contenders)
    options.out.mkdir(parents=True, exist_ok=True)
    each: list[Row] = []
    for problem, splits in list(splits_of(options)):
        scores = {name: [nll(split) for split in splits] for name, nll in contenders.items()}
        each += [
            {"problem": problem, "split": split.seed, "contender": name, "test NLL": score}
            for name, of_name in scores.items()
            for split, score in zip(splits, of_name, strict=True)
        ]
        write(each, options.out / "density_splits")
        yield from summary(problem, scores)


def summary(problem: str, scores: dict[str, list[float]]) -> Iterator[Row]:
    """Yield the mean score of each contender, and of its differences to the first."""
    first, reference = next(iter(scores.items()))
    for name, of_name in scores.items():
        behind = [a - b for a, b in zip(of_name, reference, strict=True)]
        yield {
            "problem": problem,
            "contender": name,
            "splits": len(of_name),
            "test NLL": fmean(of_name),
            "standard error": standard_error(of_name),
            f"behind {first}": fmean(behind),
            "its standard error": standard_error(behind),
        }


def standard_error(values: Sequence[float]) -> float:
    """Return the standard error of the mean; NaN for a single value."""
    return stdev(values) / sqrt(len(values)) if len(values) > 1 else nan


def chosen(names: Sequence[str]) -> dict[str, Callable[[Split], float]]:
    """Return the contenders of these names, or all.

    Raises:
        ValueError: on an unknown name.
    """
    unknown = set(names) - set(CONTENDERS)
    if unknown:
        raise ValueError(f"contenders must be of {list(CONTENDERS)}, got {sorted(unknown)}")
    return {name: CONTENDERS[name] for name in names or CONTENDERS}


def mean_nll(log_density: Callable[[Table, Table], Float64[Tensor, " M"]], split: Split) -> float:
    """Return the test NLL of an estimator, a function of the rows to fit and to test."""
    return -log_density(split.fit, split.test).mean().item()


CONTENDERS: dict[str, Callable[[Split], float]] = {
    "default": recipes.default_nll,
    "gaussian_network": recipes.gaussian_nll,
    "neighbors": partial(mean_nll, neighbors.log_density),
    "kernel": partial(mean_nll, kernel.log_density),
    "marginal": partial(mean_nll, one_gaussian.log_density),
}

"""Seconds per update of EM with full covariances: scikit-learn and this project, from one start."""

import warnings
from collections.abc import Iterator
from functools import partial
from itertools import product

import numpy as np
import torch
from jaxtyping import Float
from sklearn.exceptions import ConvergenceWarning
from sklearn.mixture import GaussianMixture as ScikitMixture
from threadpoolctl import threadpool_limits
from torch import Tensor

from benchmarks.options import Options
from benchmarks.output import Row
from benchmarks.race import Contender, race
from mdn.distributions.families import Full
from mdn.distributions.mixture import GaussianMixture
from mdn.fitting.em import fit_em
from mdn.fitting.start import start_at

SHAPES = [(200_000, 10, 16), (50_000, 10, 16), (200_000, 10, 4), (200_000, 2, 5)]
"""Rows, targets and components."""
_UPDATES = 3
_FAMILY = Full(1e-6, factor="covariance")


def rows(options: Options) -> Iterator[Row]:
    """Yield a row for each shape, number of threads and contender."""
    for shape, threads in product(SHAPES, options.threads):
        torch.set_num_threads(threads)
        with threadpool_limits(threads):  # torch does not set the threads of NumPy's libraries
            yield from measure(*shape, threads, options.seconds)


def measure(n: int, d: int, k: int, threads: int, seconds: float) -> Iterator[Row]:
    """Yield the seconds per update of each contender."""
    y, start = make_problem(n, d, k)
    theirs, ours = partial(fit_theirs, y, start), partial(fit_ours, y, start)
    gap = abs(theirs() - ours())
    contenders = [Contender("scikit-learn", theirs), Contender("this project", ours)]
    for contender, timing in zip(contenders, race(contenders, seconds), strict=True):
        yield {
            "rows": n,
            "D": d,
            "K": k,
            "threads": threads,
            "contender": contender.name,
            "ms an update": 1e3 * timing.median / _UPDATES,
            "spread": timing.spread,
            "speedup": timing.speedup,
            "gap in likelihood": float(gap),
        }


def make_problem(n: int, d: int, k: int) -> tuple[Float[Tensor, "N D"], GaussianMixture]:
    """Return rows of K clusters, and a mixture that starts at K of the rows."""
    random = torch.Generator().manual_seed(0)
    centers = 4 * torch.randn(k, d, generator=random, dtype=torch.float64)
    which = torch.randint(k, (n,), generator=random)
    y = centers[which] + torch.randn(n, d, generator=random, dtype=torch.float64)
    return y, start_at(y[:k], y, _FAMILY, None)


def fit_ours(y: Float[Tensor, "N D"], start: GaussianMixture) -> float:
    """Return the lower bound after a few updates by this project."""
    fit = fit_em(y, start.num_components, _FAMILY, start=start, max_iter=_UPDATES, tol=0.0)
    return fit.lower_bounds[-1]


def fit_theirs(y: Float[Tensor, "N D"], start: GaussianMixture) -> float:
    """Return the lower bound after a few updates by scikit-learn, without its k-means."""
    model = ScikitMixture(
        start.num_components,
        tol=0.0,
        reg_covar=0.0,
        max_iter=_UPDATES,
        init_params="random_from_data",
        weights_init=start.pi.numpy(),
        means_init=start.mu.numpy(),
        precisions_init=np.linalg.inv(start.scale.covariance().numpy()),
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return model.fit(y.numpy()).lower_bound_

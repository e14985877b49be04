"""Updates of EM with full covariances: scikit-learn's and this project's from the same start."""

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

from benchmarks.measure import Contender, race
from benchmarks.report import Row
from benchmarks.settings import Settings
from mdn.distributions.families import Full
from mdn.distributions.mixture import GaussianMixture
from mdn.fitting.em import fit_em
from mdn.fitting.start import start_at

SHAPES = [(200_000, 10, 16), (50_000, 10, 16), (200_000, 10, 4), (200_000, 2, 5)]
"""Rows, targets and components."""
_UPDATES = 3
_FAMILY = Full(1e-6, factor="covariance")


def rows(settings: Settings) -> Iterator[Row]:
    """A row for each shape, number of threads and contender."""
    for shape, threads in product(SHAPES, settings.threads):
        torch.set_num_threads(threads)
        with threadpool_limits(threads):  # of NumPy's libraries, which torch does not reach
            yield from measure(*shape, threads, settings.seconds)


def measure(n: int, d: int, k: int, threads: int, seconds: float) -> Iterator[Row]:
    """Seconds of one update for each contender."""
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
    """Rows of K clusters, and a start at K of them."""
    random = torch.Generator().manual_seed(0)
    centres = 4 * torch.randn(k, d, generator=random, dtype=torch.float64)
    which = torch.randint(k, (n,), generator=random)
    y = centres[which] + torch.randn(n, d, generator=random, dtype=torch.float64)
    return y, start_at(y[:k], y, _FAMILY, None)


def fit_ours(y: Float[Tensor, "N D"], start: GaussianMixture) -> float:
    """The last lower bound after some updates."""
    fit = fit_em(y, start.num_components, _FAMILY, start=start, max_iter=_UPDATES, tol=0.0)
    return fit.lower_bounds[-1]


def fit_theirs(y: Float[Tensor, "N D"], start: GaussianMixture) -> float:
    """The same of scikit-learn, which is spared its k-means."""
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

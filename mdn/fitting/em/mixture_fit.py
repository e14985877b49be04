"""EM on rows in a tensor."""

import math
from dataclasses import dataclass
from functools import reduce
from operator import add

from jaxtyping import Float
from torch import Tensor

from mdn.distributions.checks import check_at_least, check_fits
from mdn.distributions.families import Family
from mdn.distributions.mixture import GaussianMixture
from mdn.fitting.em.course import Ascent, Tolerance, check_finite
from mdn.fitting.em.rows import Rows, e_step_rows
from mdn.fitting.start import start_named

_COPIES = 4
"""Copies of the covariances in one update: moments, covariances, factor and its inverse."""


@dataclass(frozen=True, eq=False)
class MixtureFit:
    """A fitted mixture and the course of its fit; all numbers are finite.

    Attributes:
        mixture: in float64.
        lower_bounds: mean log likelihood of the rows, in nats, before each update.
        converged: whether it stopped because the likelihood did not rise any more.
        revivals: how often each component had lost all its rows and was put to use elsewhere.
    """

    mixture: GaussianMixture
    lower_bounds: list[float]
    converged: bool
    revivals: list[int]

    def __post_init__(self) -> None:
        check_finite(self.mixture, "the fitted mixture")
        if not all(map(math.isfinite, self.lower_bounds)):
            raise ValueError(
                f"the mean log likelihood became {self.lower_bounds[-1]}; scale the data, or raise "
                "min_scale"
            )

    @property
    def num_iterations(self) -> int:
        """Updates made."""
        return len(self.lower_bounds)


def fit_em(
    y: Float[Tensor, "N D"],
    num_components: int,
    family: Family,
    *,
    weight: Float[Tensor, " N"] | None = None,
    start: str | GaussianMixture = "k-means",
    n_init: int = 1,
    max_iter: int = 500,
    tol: float = 1e-6,
    relative_tol: float = 0.0,
    batch_size: int | None = None,
    seed: int = 0,
) -> MixtureFit:
    """Fit a Gaussian mixture to rows by exact EM.

    Args:
        y: rows; NaN is missing, and a row counts by the density of what it has.
        num_components: K.
        family: the covariance family; its floor is in the units of y.
        weight: of each row, at least 0.
        start: a name in `mdn.fitting.start.STARTS`, or the mixture to go on from.
        n_init: starts to try, with seeds from `seed` on; the likeliest fit is returned.
        max_iter: updates at most.
        tol: stop when the mean log likelihood rises by less than this, in nats.
        relative_tol: or by less than this part of its size.
        batch_size: rows at a time; None for a good one. The result does not depend on it.
        seed: of the start.

    Raises:
        ValueError: on arguments out of range, and on rows that no mixture can be fitted to.
    """
    counts = {"num_components": num_components, "n_init": n_init, "max_iter": max_iter}
    for name, value in counts.items():
        check_at_least(name, value, 1)
    check_mixture_fits(num_components, y.shape[-1])
    size = e_step_rows(num_components, y.shape[-1]) if batch_size is None else batch_size
    check_at_least("batch_size", size, 1)
    rows = Rows(y, weight, size)
    tolerance = Tolerance(tol, relative_tol)
    fits = [
        _climb(Ascent(begin, family, rows.origin, tolerance), rows, max_iter)
        for begin in _starts(start, n_init, seed, rows, num_components, family)
    ]
    return max(fits, key=lambda fit: fit.lower_bounds[-1])


def check_mixture_fits(num_components: int, num_targets: int) -> None:
    """Refuse a mixture whose updates in float64 take more memory than there is.

    Raises:
        ValueError: on such a mixture.
    """
    rows = e_step_rows(num_components, num_targets)
    numbers = num_components * (_COPIES * num_targets**2 + (num_targets + 2) * rows)
    check_fits(8.0 * numbers, f"EM with num_components={num_components}, {num_targets} columns,")


def _starts(
    start: str | GaussianMixture,
    n_init: int,
    seed: int,
    rows: Rows,
    num_components: int,
    family: Family,
) -> list[GaussianMixture]:
    if isinstance(start, GaussianMixture):
        _check_start(start, num_components, rows.y.shape[-1])
        return [start]
    begin, seeds = start_named(start), range(seed, seed + n_init)
    return [begin(rows.y, num_components, family, rows.weight, s) for s in seeds]


def _climb(ascent: Ascent, rows: Rows, max_iter: int) -> MixtureFit:
    while len(ascent.lower_bounds) < max_iter and not ascent.converged:
        e_step = ascent.e_step()
        ascent.update(reduce(add, (e_step(y, weight) for y, weight in rows)))
    return MixtureFit(ascent.mixture, ascent.lower_bounds, ascent.converged, ascent.revivals)


def _check_start(start: GaussianMixture, num_components: int, num_targets: int) -> None:
    shape = (num_components, num_targets)
    if start.mu.shape != shape:
        raise ValueError(
            f"the mixture to start from must have means of shape {shape}, "
            f"got {tuple(start.mu.shape)}"
        )

"""The number of components and the family, chosen by an information criterion."""

from collections.abc import Iterable
from itertools import product
from typing import NamedTuple

from numpy.typing import ArrayLike
from sklearn.utils.validation import _num_samples

from mdn.estimators.fitted_mixture import Rows
from mdn.estimators.gmm import GMM
from mdn.estimators.validation import check_choice, plain_rows

CRITERIA = ("bic", "aic")

_MOST_COMPONENTS = 10

Cell = str | int | float


class Selection(NamedTuple):
    """A grid of fits.

    Attributes:
        table: one row a fit, the best first: family, num_components, num_parameters, score (mean
            log density in nats), bic, aic, converged.
        best: the fit of the first row.
    """

    table: list[dict[str, Cell]]
    best: GMM


def select(
    X: Rows,
    families: str | Iterable[str] = ("full", "diagonal", "isotropic", "shared_isotropic"),
    components: int | Iterable[int] | None = None,
    criterion: str = "bic",
    sample_weight: ArrayLike | None = None,
    **settings: object,
) -> Selection:
    """Fit every family with every number of components, and rank the fits.

    Args:
        X: rows [N, D].
        families: a name or several, as `GMM` has them.
        components: a number of components or several; None for 1 to 10, or to the number of rows.
        criterion: "bic" or "aic"; lower is better.
        sample_weight: of each row, for the fits and for the criteria.
        settings: further arguments of `GMM`.

    Raises:
        ValueError: on an unknown criterion or an empty grid, and as `GMM.fit`.
    """
    check_choice("criterion", criterion, CRITERIA)
    X = plain_rows(X)
    grid = list(product(_families(families), _numbers(components, X)))
    if not grid:
        raise ValueError("nothing to select from: give at least one family and one number")
    fits = [GMM(number, family, **settings).fit(X, None, sample_weight) for family, number in grid]
    rows = [_row(fit, X, sample_weight) for fit in fits]
    ranked = sorted(zip(rows, fits, strict=True), key=lambda pair: float(pair[0][criterion]))
    return Selection([row for row, _ in ranked], ranked[0][1])


def _families(families: str | Iterable[str]) -> Iterable[str]:
    return (
        families if isinstance(families, Iterable) and not isinstance(families, str) else [families]
    )


def _numbers(components: int | Iterable[int] | None, X: Rows) -> Iterable[int]:
    if components is None:
        return range(1, min(_MOST_COMPONENTS, max(1, _num_samples(X))) + 1)
    return components if isinstance(components, Iterable) else [components]


def _row(fit: GMM, X: Rows, sample_weight: ArrayLike | None) -> dict[str, Cell]:
    return {
        "family": fit.family,
        "num_components": fit.num_components,
        "num_parameters": fit.num_parameters_,
        "score": fit.score(X, None, sample_weight),
        "bic": fit.bic(X, sample_weight),
        "aic": fit.aic(X, sample_weight),
        "converged": fit.converged_,
    }

"""How many components, and of which family: by an information criterion."""

from collections.abc import Iterable
from itertools import product
from typing import Any, NamedTuple

from sklearn.utils.validation import _num_samples

from mdn.estimators.answers import Rows
from mdn.estimators.gmm import GMM

CRITERIA = ("bic", "aic")

_MOST_COMPONENTS = 10


class Selection(NamedTuple):
    """A grid of fits.

    Attributes:
        table: one row a fit, the best first: family, num_components, num_parameters, score (mean
            log density in nats), bic, aic, converged.
        best: the fit of the first row.
    """

    table: list[dict[str, Any]]
    best: GMM


def select(
    X: Rows,
    families: str | Iterable[str] = ("full", "diagonal", "isotropic", "shared_isotropic"),
    components: int | Iterable[int] | None = None,
    criterion: str = "bic",
    **settings: Any,
) -> Selection:
    """Fit every family with every number of components, and rank the fits.

    Args:
        X: rows [N, D].
        families: a name or several, as `GMM` has them.
        components: a number of components or several; None for 1 to 10, or to the number of rows.
        criterion: "bic" or "aic"; lower is better.
        settings: further arguments of `GMM`.

    Raises:
        ValueError: on an unknown criterion or an empty grid, and as `GMM.fit`.
    """
    if criterion not in CRITERIA:
        raise ValueError(f"criterion must be one of {list(CRITERIA)}, got {criterion!r}")
    grid = list(product(_families(families), _numbers(components, X)))
    if not grid:
        raise ValueError("nothing to select from: give at least one family and one number")
    fits = [GMM(number, family, **settings).fit(X) for family, number in grid]
    ranked = sorted(((_row(fit, X), fit) for fit in fits), key=lambda pair: pair[0][criterion])
    return Selection([row for row, _ in ranked], ranked[0][1])


def _families(families: str | Iterable[str]) -> Iterable[str]:
    return [families] if isinstance(families, str) else families


def _numbers(components: int | Iterable[int] | None, X: Rows) -> Iterable[int]:
    if components is None:
        return range(1, min(_MOST_COMPONENTS, _num_samples(X)) + 1)
    return components if isinstance(components, Iterable) else [components]


def _row(fit: GMM, X: Rows) -> dict[str, Any]:
    return {
        "family": fit.family,
        "num_components": fit.num_components,
        "num_parameters": fit.num_parameters_,
        "score": fit.score(X),
        "bic": fit.bic(X),
        "aic": fit.aic(X),
        "converged": fit.converged_,
    }

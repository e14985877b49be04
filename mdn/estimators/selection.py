"""How many components, and of which family: by an information criterion."""

from collections.abc import Iterable
from itertools import product
from typing import Any, NamedTuple

from mdn.estimators.answers import Rows
from mdn.estimators.gmm import GMM

CRITERIA = ("bic", "aic")


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
    families: Iterable[str] = ("full", "diagonal", "isotropic", "shared_isotropic"),
    components: Iterable[int] = range(1, 11),
    criterion: str = "bic",
    **settings: Any,
) -> Selection:
    """Fit every family with every number of components, and rank the fits.

    Args:
        X: rows [N, D].
        families: names, as `GMM` has them.
        components: numbers of components.
        criterion: "bic" or "aic"; lower is better.
        settings: further arguments of `GMM`.

    Raises:
        ValueError: on an unknown criterion or an empty grid, and as `GMM.fit`.
    """
    if criterion not in CRITERIA:
        raise ValueError(f"criterion must be one of {list(CRITERIA)}, got {criterion!r}")
    grid = list(product(families, components))
    if not grid:
        raise ValueError("nothing to select from: give at least one family and one number")
    fits = [GMM(number, family, **settings).fit(X) for family, number in grid]
    ranked = sorted(((_row(fit, X), fit) for fit in fits), key=lambda pair: pair[0][criterion])
    return Selection([row for row, _ in ranked], ranked[0][1])


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

"""A warning of rows that spread less than the smallest standard deviation of a fit."""

import warnings
from collections.abc import Sequence

from jaxtyping import Float
from torch import Tensor

from mdn.distributions.mixture import GaussianMixture
from mdn.estimators.fitted_mixture import most_likely_component

_NEXT_TO = 1.01
_FEWEST_ROWS = 20
_ROUNDING = 1e-12
"""What equal values may differ by once they are standardized, relative to their size."""


def warn_of_floor(
    mixture: GaussianMixture, z: Float[Tensor, "N D"], floor: float, names: Sequence[str]
) -> None:
    """Warn where the floor, not the rows, made the standard deviation of a column.

    Rows that are equal have no spread of their own and are what the floor is for.

    Args:
        mixture: the fit, standardized.
        z: rows, standardized; NaN is missing.
        floor: the smallest standard deviation, in these units.
        names: of the columns.
    """
    on_floor = mixture.sigma <= _NEXT_TO * floor
    if not on_floor.any():
        return
    component = most_likely_component(mixture, z)
    for k, column in on_floor.nonzero().tolist():
        rows = z[component == k, column]
        rows = rows[~rows.isnan()]
        if len(rows) >= _FEWEST_ROWS and _spreads_below(rows, floor / 2):
            warnings.warn(
                f"{len(rows)} rows of component {k} spread less in {names[column]} than "
                f"min_scale={floor:g} allows, which is in units of the standard deviation of all "
                "rows: lower min_scale, or remove values far out",
                stacklevel=4,
            )


def _spreads_below(rows: Float[Tensor, " M"], limit: float) -> bool:
    spread = float(rows.std(correction=0))
    return _ROUNDING * float(rows.abs().amax()) < spread < limit

"""The units in which a fit is made, and the rows for which there are none."""

import warnings
from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from mdn.networks.standardize import Standardizer
from mdn.networks.units import ColumnUnits, column_units, far_remark

_LARGEST = 1e150
"""Values whose squares, and sums of them, fit in float64."""

_SMALLEST = 1e-153
"""Standard deviations whose squares keep all of their digits."""

_FARTHEST = 1e100
"""Units beyond which no density can be computed."""


def standardizer_of(
    y: Float[Tensor, "N D"],
    weight: Float[Tensor, " N"],
    common_factor: bool,
    min_scale: float,
    names: Sequence[str],
) -> Standardizer:
    """Fit a standardizer to weighted rows, in which NaN is missing; warn of values far out.

    Args:
        y: rows.
        weight: of each row, above 0.
        common_factor: one factor for all columns, which leaves spheres spheres.
        min_scale: the smallest standard deviation of the fit, in these units.
        names: of the columns.

    Raises:
        ValueError: on columns of which nothing is observed, and on values so large or spreads so
            small that variances do not fit in float64.
    """
    _check_observed(y)
    _check_size(y, names)
    columns = column_units(y, weight)
    spread = columns.spread
    if common_factor:
        spread = _root_mean_square(spread).expand_as(spread)
    standardizer = Standardizer(y.shape[-1])
    standardizer.shift.copy_(columns.center)
    standardizer.factor.copy_(torch.where(spread > 0, spread, 1.0))
    _check_spread(standardizer.factor, min_scale, names)
    check_reach(standardizer(y, torch.float64), names, "remove that row")
    _warn_of_far(y, columns, names)
    return standardizer


def log_det_of_observed(
    standardizer: Standardizer, y: Float[Tensor, "N D"], weight: Float[Tensor, " N"]
) -> float:
    """Return by how many nats the mean log density of rows is lower in their own units.

    Only what is observed of a row has units, and a row with nothing observed does not count.
    """
    observed = ~y.isnan()
    share = weight * observed.any(-1)
    return float(share @ (observed.double() @ standardizer.factor.log()) / share.sum())


def check_reach(z: Float[Tensor, "N D"], names: Sequence[str], remedy: str) -> None:
    """Refuse standardized values so far out that their density cannot be computed.

    Args:
        z: values; NaN is missing.
        names: of the columns.
        remedy: what to do.

    Raises:
        ValueError: on such values.
    """
    farthest = z.nan_to_num().abs().amax(0)
    for name, value in zip(names, farthest.tolist(), strict=True):
        if value > _FARTHEST:
            raise ValueError(
                f"a value of {name} lies {value:.3g} standard deviations of the rows out; {remedy}"
            )


def _root_mean_square(spread: Float[Tensor, " D"]) -> Float[Tensor, ""]:
    largest = spread.amax()
    if largest == 0:
        return largest
    return largest * (spread / largest).square().mean().sqrt()


def _check_observed(y: Float[Tensor, "N D"]) -> None:
    empty = y.isnan().all(0).nonzero().squeeze(-1).tolist()
    if empty:
        raise ValueError(f"nothing is observed in columns {empty}; remove them")


def _check_size(y: Float[Tensor, "N D"], names: Sequence[str]) -> None:
    largest = y.nan_to_num().abs().amax(0)
    for name, value in zip(names, largest.tolist(), strict=True):
        if value > _LARGEST:
            raise ValueError(
                f"{name} holds values as large as {value:.3g}, whose squares do not fit in "
                "float64; divide it by a power of ten"
            )


def _check_spread(factor: Float[Tensor, " D"], min_scale: float, names: Sequence[str]) -> None:
    for name, spread in zip(names, factor.tolist(), strict=True):
        if spread * min_scale < _SMALLEST:
            raise ValueError(
                f"{name} spreads by {spread:.3g} only; variances down to the square of "
                f"{min_scale:g} of that do not fit in float64: multiply it by a power of ten"
            )


def _warn_of_far(y: Float[Tensor, "N D"], columns: ColumnUnits, names: Sequence[str]) -> None:
    for name, values, far in zip(names, y.T, columns.far.T, strict=True):
        if far.any():
            warnings.warn(
                f"{far_remark(name, values, far)}; all rows are fitted, but the others decide "
                "where the fit starts and how small min_scale is: check whether these values are "
                "true",
                stacklevel=5,
            )

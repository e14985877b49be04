"""Whether probability integral transforms are as uniform as chance allows.

The Kolmogorov distance D of n independent transforms from uniform stays below c(n) in 19 of 20
cases, with c(n) (sqrt n + 0.12 + 0.11 / sqrt n) = 1.358 (Stephens 1970). Rows that count unlike are
as many as `effective_rows`, (sum w)^2 / sum w^2.
"""

import math
from typing import NamedTuple

import torch
from torch import Tensor

from mdn.distributions.checks import check_positive
from mdn.distributions.numbers import Numbers, as_tensor

_QUANTILE = 1.3581
"""Of the Kolmogorov distribution, at 95 %."""


class PitDistance(NamedTuple):
    """How far transforms are from uniform.

    Attributes:
        distance: the Kolmogorov-Smirnov distance.
        critical: what chance alone exceeds in one of twenty cases.
    """

    distance: float
    critical: float

    @property
    def within_chance(self) -> bool:
        """Tell whether chance explains the distance, at a level of 5 %."""
        return self.distance <= self.critical


def pit_distance(transforms: Numbers, weight: Numbers | None = None) -> PitDistance:
    """Measure how far transforms [N] are from uniform, and how far they may be by chance.

    Args:
        transforms: of one target; one that is NaN has no distance, unless its row weighs nothing.
        weight: how often each row counts.

    Raises:
        ValueError: where no row counts, or on weights of another length or below 0.
    """
    values, weight = _counted(transforms, weight)
    ordered, order = values.sort()
    share = (weight[order] / weight.sum()).cumsum(0)
    before = torch.cat([share.new_zeros(1), share[:-1]])
    distance = torch.maximum(share - ordered, ordered - before).max().item()
    rows = (weight.sum().square() / weight.square().sum()).item()
    return PitDistance(distance, ks_critical(rows))


def ks_critical(rows: float) -> float:
    """Return the Kolmogorov-Smirnov distance that chance exceeds in one of twenty cases.

    Raises:
        ValueError: on a number of rows that is not above 0.
    """
    check_positive("rows", rows)
    root = math.sqrt(rows)
    return _QUANTILE / (root + 0.12 + 0.11 / root)


def _counted(transforms: Numbers, weight: Numbers | None) -> tuple[Tensor, Tensor]:
    values = as_tensor(transforms, "transforms").double().cpu()
    given = torch.ones_like(values) if weight is None else as_tensor(weight, "weight").to(values)
    if values.ndim != 1 or given.shape != values.shape or not (given >= 0).all():
        raise ValueError(
            "a distance takes the transforms of one target, [N], and a weight of at least 0 for "
            f"each, got shapes {list(values.shape)} and {list(given.shape)}"
        )
    counted = given > 0
    if not counted.any():
        raise ValueError("a distance takes the transforms of at least one row that counts")
    return values[counted], given[counted]

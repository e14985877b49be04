"""The units in which a fit is made: rows about their mean, in their own spread."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from mdn.mixture import GaussianMixture


@dataclass(frozen=True, eq=False)
class Units:
    """The change of units z = (y - shift) / factor, per column.

    Attributes:
        shift: mean of the rows.
        factor: their standard deviation.
    """

    shift: Float[Tensor, " D"]
    factor: Float[Tensor, " D"]

    def standardize(self, y: Float[Tensor, "*rows D"]) -> Float[Tensor, "*rows D"]:
        """Rows or means in these units."""
        return (y - self.shift) / self.factor

    def standardize_mixture(self, mixture: GaussianMixture) -> GaussianMixture:
        """A mixture in these units."""
        return mixture.affine(1 / self.factor, -self.shift / self.factor)

    def restore(self, mixture: GaussianMixture) -> GaussianMixture:
        """A mixture back in the units of the rows."""
        return mixture.affine(self.factor, self.shift)

    def log_det(self, y: Float[Tensor, "N D"], weight: Float[Tensor, " N"]) -> float:
        """How many nats the mean log density of weighted rows is lower in their own units.

        Only what is observed of a row has units, and a row of which nothing is does not count.
        """
        observed = ~y.isnan()
        share = weight * observed.any(-1)
        return float(share @ (observed.double() @ self.factor.log()) / share.sum())


def units_of(y: Float[Tensor, "N D"], weight: Float[Tensor, " N"], common_factor: bool) -> Units:
    """The units of weighted rows, in which NaN is missing.

    Args:
        y: rows.
        weight: of each row.
        common_factor: one factor for all columns, which leaves spheres spheres.
    """
    share = weight[:, None] * ~y.isnan()
    share = share / share.sum(0)
    shift = (share * y.nan_to_num()).sum(0)
    variance = (share * (y - shift).nan_to_num().square()).sum(0)
    if common_factor:
        variance = variance.mean().expand_as(variance)
    std = variance.sqrt()
    # A column of one value only has no spread but rounding.
    return Units(shift, torch.where(std > 1e-12 * shift.abs(), std, torch.ones_like(std)))

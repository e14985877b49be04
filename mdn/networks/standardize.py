"""Standardization: fitted once on the training rows, part of the model ever after."""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn

from mdn.distributions.abstract import Mixture
from mdn.distributions.mixture import GaussianMixture
from mdn.distributions.transformed.mixture import transformed
from mdn.distributions.transformed.transforms import Transform
from mdn.networks.units import LIMIT, ColumnUnits, column_units

_MIDDLE_HALF = 1.349
"""The range of the middle half of a standard normal law."""


class Standardizer(nn.Module):
    """The change of units z = (value - shift) / factor, per column.

    The statistics are buffers in float64: a column with a large offset keeps its digits, and they
    travel in the checkpoint.

    Inputs are bounded: a column that never changed in training is 0 whatever its value, so it has
    no influence, and absurd values are held where the network still knows what to do. Targets may
    be on another scale first, by `transforms`.

    Args:
        num_columns: columns; it begins as the identity.
        bounded: whether the columns are inputs of a network.
    """

    shift: Tensor
    factor: Tensor
    limit: Tensor

    def __init__(self, num_columns: int, bounded: bool = False) -> None:
        super().__init__()
        self.bounded = bounded
        self.transforms: tuple[Transform, ...] = ()
        self.register_buffer("shift", torch.zeros(num_columns, dtype=torch.float64))
        self.register_buffer("factor", torch.ones(num_columns, dtype=torch.float64))
        if bounded:
            self.register_buffer("limit", torch.full_like(self.factor, LIMIT))

    def fit(
        self, values: Float[Tensor, "N C"], weight: Float[Tensor, " N"] | None = None
    ) -> "Standardizer":
        """Take shift and factor from the mean and standard deviation of rows.

        Values that are absurdly far out count for neither, as `mdn.networks.units` has it.
        """
        values = self.learned(values)
        units = column_units(values, weight)
        of_constant = torch.inf if self.bounded else 1.0
        self.shift.copy_(units.center)
        self.factor.copy_(units.spread.masked_fill(units.constant, of_constant))
        if self.bounded:
            self.limit.copy_(_limits(values.double(), units))
        return self

    def use_middle(self, column: int, values: Float[Tensor, " N"]) -> None:
        """Take the median, and the range of the middle half, of a column as a normal one has it.

        A column whose middle half is one value stays as it was fitted.
        """
        there = values[~values.isnan()].double()
        low, middle, high = there.sort().values[_at_quarters(len(there))]
        if high > low and self.factor[column].isfinite():
            self.shift[column] = middle
            self.factor[column] = (high - low) / _MIDDLE_HALF
            self.limit[column] = LIMIT

    def forward(
        self, values: Float[Tensor, "*batch C"], dtype: torch.dtype | None = None
    ) -> Float[Tensor, "*batch C"]:
        """Return standardized values, computed in float64, in `dtype` or torch's default."""
        z = (self.learned(values) - self.shift) / self.factor
        z = z.clamp(-self.limit, self.limit) if self.bounded else z
        return z.to(dtype or torch.get_default_dtype())

    def learned(self, values: Float[Tensor, "*batch C"]) -> Float[Tensor, "*batch C"]:
        """Return values on the scale that they are standardized on."""
        if not self.transforms:
            return values
        columns = zip(self.transforms, values.unbind(-1), strict=True)
        return torch.stack([transform.forward(column) for transform, column in columns], -1)

    def row_units(self, values: Float[Tensor, "*batch C"]) -> Float[Tensor, "*batch"]:
        """Return what each row adds to `log_det`, in nats.

        A value that is missing has no unit, and one on another scale has the slope of that scale.
        """
        nats = values.isnan().to(self.factor) @ self.factor.log()
        for transform, column in zip(self.transforms, values.unbind(-1), strict=False):
            nats = nats + transform.log_slope(column).nan_to_num(nan=0.0)
        return nats

    def standardize(self, mixture: GaussianMixture) -> GaussianMixture:
        """Return a mixture of these columns, on the scale of `learned`, in standardized units."""
        shift, factor = self.shift.to(mixture.mu), self.factor.to(mixture.mu)
        return mixture.affine(1 / factor, -shift / factor)

    def restore(self, mixture: GaussianMixture) -> GaussianMixture:
        """Return a standardized mixture in the units of the columns, on the scale of `learned`."""
        return mixture.affine(self.factor.to(mixture.mu), self.shift.to(mixture.mu))

    def on_user_scale(self, mixture: GaussianMixture) -> Mixture:
        """Return a standardized mixture in the units and on the scale of the columns."""
        restored = self.restore(mixture)
        return transformed(restored, self.transforms) if self.transforms else restored

    def check_fits(self, dtype: torch.dtype, names: Sequence[str] | None) -> None:
        """Refuse a type that has no numbers for values of these columns.

        Args:
            dtype: of floating point.
            names: of the columns, where they have any.

        Raises:
            ValueError: if a unit, or a difference of a unit, is lost in it.
        """
        info, columns = torch.finfo(dtype), (self.shift.tolist(), self.factor.tolist())
        for name, shift, factor in zip(names or range(len(self.shift)), *columns, strict=True):
            inside = info.tiny < factor < info.max and abs(shift) < info.max
            if not (inside and info.eps * abs(shift) < factor):
                raise ValueError(
                    f"{dtype} cannot hold answers about target {name!r}, which lies about "
                    f"{shift:.6g} and spreads over {factor:.3g}; pass x in float64, or call predict"
                )

    def log_det(self) -> Tensor:
        """Log density in the data's units minus the standardized: log |d z / d value|.

        `row_units` of a row comes on top.
        """
        return -self.factor.log().sum()


def _limits(values: Float[Tensor, "N C"], units: ColumnUnits) -> Float[Tensor, " C"]:
    """Bound each column at the rest of its values, where some are far."""
    limits = torch.full_like(units.spread, LIMIT)
    for column in units.far.any(0).nonzero().squeeze(-1).tolist():
        rest = values[~units.far[:, column], column]
        farthest = (rest - units.center[column]).nan_to_num().abs().max()
        limits[column] = farthest / units.spread[column]
    return limits


def _at_quarters(count: int) -> list[int]:
    return [round(part * (count - 1) / 4) for part in (1, 2, 3)]

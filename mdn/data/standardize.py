"""Standardisation: fitted once on the training rows, part of the model ever after."""

import torch
from jaxtyping import Float
from torch import Tensor, nn


class Standardizer(nn.Module):
    """The change of units z = (value - shift) / factor, per column.

    The statistics are buffers in float64: a column with a large offset keeps its digits, and they
    travel in the checkpoint.

    Args:
        num_columns: columns; it begins as the identity.
    """

    shift: Tensor
    factor: Tensor

    def __init__(self, num_columns: int) -> None:
        super().__init__()
        self.register_buffer("shift", torch.zeros(num_columns, dtype=torch.float64))
        self.register_buffer("factor", torch.ones(num_columns, dtype=torch.float64))

    def fit(
        self, values: Float[Tensor, "N C"], weight: Float[Tensor, " N"] | None = None
    ) -> "Standardizer":
        """Take shift and factor from the mean and standard deviation of rows.

        A column of one single value keeps factor 1.
        """
        values = values.double()
        weight = torch.ones(len(values), dtype=torch.float64) if weight is None else weight.double()
        share = (weight / weight.sum())[:, None]
        mean = (share * values).sum(0)
        std = (share * (values - mean).square()).sum(0).sqrt()
        self.shift.copy_(mean)
        self.factor.copy_(torch.where(std > 1e-12 * mean.abs(), std, torch.ones_like(std)))
        return self

    def forward(
        self, values: Float[Tensor, "*batch C"], dtype: torch.dtype | None = None
    ) -> Float[Tensor, "*batch C"]:
        """Standardised values, computed in float64, in `dtype` or torch's default."""
        return ((values - self.shift) / self.factor).to(dtype or torch.get_default_dtype())

    def log_det(self) -> Tensor:
        """Log density in the data's units minus the standardised: log |d z / d value|."""
        return -self.factor.log().sum()

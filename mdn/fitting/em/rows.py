"""The rows of a fit, checked once and then read in batches."""

from collections.abc import Iterator

import torch
from jaxtyping import Float
from torch import Tensor

from mdn.networks.weights import check_weights, unit_weights

_LARGEST = 1e100
_NUMBERS_A_BATCH = 2**19


class Rows:
    """Rows and their weights, in batches; rows of weight zero are left out.

    Args:
        y: rows; NaN is missing.
        weight: of each row, at least 0; None for 1.
        batch_size: rows a batch.

    Raises:
        ValueError: on rows or weights that no mixture can be fitted to.
    """

    def __init__(
        self, y: Float[Tensor, "N D"], weight: Float[Tensor, " N"] | None, batch_size: int
    ) -> None:
        _check_shape(y)
        self.y = y.detach() if y.is_floating_point() else y.detach().double()
        self.weight = self.y.new_ones(1).expand(len(y)) if weight is None else weight.detach()
        self.batch_size = batch_size
        check_weights(self.weight, len(y))
        self._leave_out_zero_weights()
        self.weight = unit_weights(self.weight)
        self.origin = self._mean()

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        return zip(self.y.split(self.batch_size), self.weight.split(self.batch_size), strict=True)

    def _mean(self) -> Float[Tensor, " D"]:
        total = self.y.new_zeros(2, self.y.shape[-1], dtype=torch.float64)
        for y, weight in self:
            _check_values(y)
            observed = (~y.isnan()).double()
            weight = weight.double()
            total += torch.stack([weight @ y.double().nan_to_num(), weight @ observed])
        _check_observed(total[1])
        return total[0] / total[1]

    def _leave_out_zero_weights(self) -> None:
        counted = self.weight > 0
        if not counted.all():
            self.y, self.weight = self.y[counted], self.weight[counted]


def e_step_rows(num_components: int, num_targets: int) -> int:
    """Return for how many rows the results of an E-step stay in or near a processor's cache."""
    numbers = num_targets * (num_targets + 3) // 2 + 2 * num_components
    return max(64, _NUMBERS_A_BATCH // max(numbers, num_components * num_targets // 4))


def _check_shape(y: Tensor) -> None:
    if y.ndim != 2 or 0 in y.shape or y.is_complex():
        raise ValueError(
            "rows must be real numbers of shape [N, D], at least one row and one column, got "
            f"{y.dtype} of shape {list(y.shape)}"
        )


def _check_values(y: Float[Tensor, "N D"]) -> None:
    # Not isinf: the squares of such numbers would be.
    if (y.abs() > _LARGEST).any():
        raise ValueError(
            f"rows hold infinite values or values beyond {_LARGEST:g}; "
            "remove them, or put NaN for missing entries"
        )


def _check_observed(weight: Float[Tensor, " D"]) -> None:
    empty = (weight == 0).nonzero().squeeze(-1).tolist()
    if empty:
        raise ValueError(f"nothing is observed in columns {empty}; remove them")

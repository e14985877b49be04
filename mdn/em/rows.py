"""The rows of a fit, checked once and handed out a batch at a time."""

import math
from collections.abc import Iterator

import torch
from jaxtyping import Float
from torch import Tensor

_LARGEST = 1e100
_NUMBERS_A_BATCH = 2**19


class Rows:
    """Rows and their weights, in batches.

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
        self.y = y.detach()
        self.weight = y.new_ones(1).expand(len(y)) if weight is None else weight.detach()
        self.batch_size = batch_size
        self._check_weight()
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

    def _check_weight(self) -> None:
        if self.weight.shape != self.y.shape[:1]:
            raise ValueError(
                f"weight must have one entry a row, got {len(self.weight)} for {len(self.y)} rows"
            )
        least, most = self.weight.amin().item(), self.weight.amax().item()
        if not (least >= 0 and 0 < most < math.inf):
            raise ValueError(
                "weights must be finite, none below 0 and not all 0; "
                f"got values from {least} to {most}"
            )


def suitable_batch_size(num_components: int, num_targets: int) -> int:
    """Rows whose intermediate results stay in a processor's cache, or at least in its reach."""
    numbers = num_targets * (num_targets + 3) // 2 + 2 * num_components
    return max(64, _NUMBERS_A_BATCH // max(numbers, num_components * num_targets // 4))


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

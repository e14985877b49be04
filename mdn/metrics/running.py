"""Metrics over many batches and several processes, around the functions of this package."""

from collections.abc import Callable

import torch
from torch import Tensor
from torchmetrics import Metric
from torchmetrics.utilities import dim_zero_cat

from mdn.distributions.abstract import Mixture
from mdn.distributions.numbers import Numbers, as_tensor
from mdn.distributions.values import Values, as_values
from mdn.metrics import calibration

Score = Callable[[Mixture, Tensor], Tensor]
"""(mixture, y) -> one number a row, or one for each target of a row."""


class RowMean(Metric):
    """The mean of a score over all rows, on whichever process they were.

    Args:
        score: such as `nll`, or `functools.partial(squared_error, point="mean")`.
        shape: of the mean: () for one number a row, (D,) for one for each target.
        finish: what the mean becomes in the end, such as `torch.sqrt` for an RMSE.
        takes_missing: whether the score has an answer for a row that lacks some targets. Where it
            has none, one number a row counts rows with every target, and one for each target
            counts rows with that target.
    """

    full_state_update = False
    total: Tensor
    weight: Tensor

    def __init__(
        self,
        score: Score,
        shape: tuple[int, ...] = (),
        finish: Callable[[Tensor], Tensor] = lambda mean: mean,
        takes_missing: bool = False,
        **kwargs: object,
    ) -> None:
        super().__init__(**kwargs)
        self.score = score
        self.takes_missing = takes_missing
        self.finish = finish
        double = torch.float64
        self.add_state("total", torch.zeros(shape, dtype=double), dist_reduce_fx="sum")
        self.add_state("weight", torch.zeros(shape, dtype=double), dist_reduce_fx="sum")

    def update(
        self,
        mixture: Mixture,
        y: Values,
        weight: Numbers | None = None,
    ) -> None:
        mixture, y = as_values(mixture, y)
        weights = y.new_ones(len(y)) if weight is None else _row_weights(weight, y)
        values = self.score(mixture, y).detach().to(self.total)
        if self.takes_missing or not y.isnan().any():
            self.total = self.total + torch.tensordot(weights.to(values), values, dims=1)
            self.weight = self.weight + weights.sum(dtype=torch.float64)
        else:
            there = ~y.isnan() if values.ndim > 1 else ~y.isnan().any(-1)
            shares = (there.mT * weights).mT.to(values)
            self.total = self.total + (shares * values.nan_to_num()).sum(0)
            self.weight = self.weight + shares.sum(0)

    def compute(self) -> Tensor:
        return self.finish(self.total / self.weight)


class Calibration(Metric):
    """Whether transforms of all rows, on whichever process they were, are uniform.

    `compute` answers with `ks_distance`, `calibration_error`, `histogram` and `coverage` at
    `LEVELS`, each for every column of the transforms.

    Args:
        transform: `pit`, `rosenblatt`, or `density_rank`.
        coverage: the share inside a level, given transforms: `central_coverage` for the first
            two, `region_coverage` for the last.
    """

    full_state_update = False
    values: list[Tensor]

    def __init__(
        self, transform: Score, coverage: Callable[[Tensor, float], Tensor], **kwargs: object
    ) -> None:
        super().__init__(**kwargs)
        self.transform = transform
        self.coverage = coverage
        self.add_state("values", [], dist_reduce_fx="cat")

    def update(self, mixture: Mixture, y: Values) -> None:
        self.values.append(self.transform(*as_values(mixture, y)).detach())

    def compute(self) -> dict[str, Tensor]:
        # Empty where no process had a row, which the functions below refuse in their own words.
        values = dim_zero_cat(self.values) if len(self.values) else torch.empty(0)
        return {
            "ks_distance": calibration.ks_distance(values),
            "calibration_error": calibration.calibration_error(values),
            "histogram": calibration.histogram(values),
            "coverage": torch.stack([self.coverage(values, v) for v in calibration.LEVELS]),
        }


def _row_weights(weight: Numbers, y: Tensor) -> Tensor:
    weights = as_tensor(weight, "weight").to(y.device)
    if weights.shape != (len(y),) or not (weights >= 0).all():
        raise ValueError(
            f"weight takes one number of at least 0 for each of {len(y)} rows, got shape "
            f"{list(weights.shape)}"
        )
    return weights

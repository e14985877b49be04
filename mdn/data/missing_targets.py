"""Rows that lack what they would count by: all of their targets, or their weight."""

from collections.abc import Mapping

import torch
from jaxtyping import Bool, Float64
from torch import Tensor

NO_TARGET = "no target"
NO_WEIGHT = "no weight"

Dropped = Mapping[str, int]
"""How many rows were left out, by what they lack."""


def weighted_rows(
    x: Float64[Tensor, "N P"], y: Float64[Tensor, "N D"], weight: Float64[Tensor, " N"] | None
) -> tuple[
    Float64[Tensor, "M P"], Float64[Tensor, "M D"], Float64[Tensor, " M"] | None, dict[str, int]
]:
    """Leave out the rows whose weight is missing, and count them."""
    if weight is None or not weight.isnan().any():
        return x, y, weight, {}
    rows = (~weight.isnan()).nonzero().squeeze(-1)
    return x[rows], y[rows], weight[rows], {NO_WEIGHT: len(weight) - len(rows)}


def counts(y: Float64[Tensor, "N D"], weight: Float64[Tensor, " N"] | None) -> Bool[Tensor, " N"]:
    """Tell which rows have a target, and a weight above zero."""
    there = ~y.isnan().all(-1) if y.isnan().any() else torch.ones(len(y), dtype=torch.bool)
    return there if weight is None else there & (weight > 0)


def without_target(y: Float64[Tensor, "N D"]) -> dict[str, int]:
    """Count the rows that lack every target."""
    missing = int(y.isnan().all(-1).sum()) if y.shape[1] else 0
    return {NO_TARGET: missing} if missing else {}


def dropped_remark(dropped: Dropped) -> str:
    """Say how many rows were left out and why; nothing where none were."""
    words = {NO_TARGET: "without any target", NO_WEIGHT: "without a weight"}
    parts = [f"{count} {words[reason]}" for reason, count in dropped.items() if count]
    return f"rows left out: {' and '.join(parts)}" if parts else ""

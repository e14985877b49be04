"""Rows that lack what they would count by: all of their targets, or their weight."""

from collections.abc import Mapping

import torch
from jaxtyping import Bool, Float64
from torch import Tensor

NO_TARGET = "no target"
NO_WEIGHT = "no weight"

Dropped = Mapping[str, int]
"""How many rows were left out, by what they lack."""


def known_weights(
    weight: Float64[Tensor, " N"] | None,
) -> tuple[Float64[Tensor, " N"] | None, dict[str, int]]:
    """Return weights in which a missing one is 0, and count these."""
    if weight is None or not weight.isnan().any():
        return weight, {}
    return weight.nan_to_num(nan=0.0), {NO_WEIGHT: int(weight.isnan().sum())}


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

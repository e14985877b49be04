"""Rows split at random."""

from collections.abc import Mapping

import torch
from jaxtyping import Float64, Int64
from torch import Tensor

from mdn.data.seeds import generator

FEW = 500
"""Rows below which chance alone may leave a part without large or small targets."""

Parts = dict[str, Int64[Tensor, " M"]]
"""The rows of each part."""


def by_fraction(rows: int, fractions: Mapping[str, float], seed: int) -> Parts:
    """Return rows of each part at random; a part does not depend on fractions after it."""
    order = torch.randperm(rows, generator=generator("split", seed))
    sizes = _sizes(rows, fractions)
    found = order.split([*sizes, rows - sum(sizes)])
    return dict(zip([*fractions, "train"], found, strict=True))


def stratified(y: Float64[Tensor, "N D"], fractions: Mapping[str, float], seed: int) -> Parts:
    """Return rows of each part at random, one from each of as many ranges of targets as rows.

    Several targets are ordered along the direction in which they vary most.

    Args:
        y: targets; NaN is missing.
        fractions: of all rows, by part; "train" gets the rest.
        seed: of the draws.
    """
    draws = generator("stratified split", seed)
    left = torch.argsort(along(y), stable=True)
    parts: Parts = {}
    for name, size in zip(fractions, _sizes(len(y), fractions), strict=True):
        bins = left.tensor_split(max(1, size))[:size]
        places = torch.rand(len(bins), generator=draws).tolist()
        drawn = [one[int(at * len(one))] for one, at in zip(bins, places, strict=True)]
        parts[name] = torch.stack(drawn) if drawn else left[:0]
        left = left[~torch.isin(left, parts[name])]
    return parts | {"train": left}


def along(y: Float64[Tensor, "N D"]) -> Float64[Tensor, " N"]:
    """Return a number for each row, by which its targets are small or large."""
    away = y - y.nanmean(0)
    spread = away.nan_to_num().square().mean(0).sqrt()
    z = (away / torch.where(spread > 0, spread, 1.0)).nan_to_num()
    return z @ torch.linalg.eigh(z.mT @ z).eigenvectors[:, -1]


def _sizes(rows: int, fractions: Mapping[str, float]) -> list[int]:
    return [round(fraction * rows) for fraction in fractions.values()]

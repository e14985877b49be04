"""What a mixture says of itself: sizes, names, and means and spreads of the first few rows."""

import math
from collections.abc import Sequence

import numpy as np
import torch

from mdn.distributions.abstract import Mixture
from mdn.distributions.long_answers import names_of
from mdn.distributions.overview import (
    MOST_COLUMNS,
    MOST_ROWS,
    Overview,
    Row,
    count,
    listed,
    measured,
    safely,
    short,
)


def mixture_overview(mixture: Mixture) -> Overview:
    """Return a mixture in a few lines; numbers are computed for the first few rows alone."""
    names = names_of(mixture.target_names, mixture.num_targets)
    kind, components = type(mixture).__name__, count(mixture.num_components, "component")
    title = f"{kind} of {components}, batch shape {list(mixture.batch_shape)}"
    rows = safely(lambda: _rows(mixture))
    header = ["mean ± std", *map(short, names[:MOST_COLUMNS])]
    return Overview(title, _facts(mixture, names), header, rows, _more(mixture, rows))


def _facts(mixture: Mixture, names: Sequence[str]) -> dict[str, str]:
    dtype = str(mixture.dtype).removeprefix("torch.")
    unnamed = "" if mixture.target_names else ", without names"
    facts = {"targets": listed(names) + unnamed, **mixture.properties()}
    if mixture.origin is not None and mixture.origin.members > 1:
        facts["ensemble"] = count(mixture.origin.members, "member")
    return facts | {"numbers": f"{dtype} on {mixture.device}"}


def _rows(mixture: Mixture) -> list[Row]:
    if 0 in mixture.batch_shape:
        return []
    first = _first(mixture)
    with torch.no_grad():
        means, stds = (v[:, :MOST_COLUMNS].tolist() for v in (first.mean, first.std))
    cells = [list(map(measured, mean, std)) for mean, std in zip(means, stds, strict=True)]
    return [[label, *row] for label, row in zip(_labels(mixture, first), cells, strict=True)]


def _first(mixture: Mixture) -> Mixture:
    """The first mixtures of a batch, as a batch of one axis."""
    if not mixture.batch_shape:
        return mixture[None]
    shown = np.arange(min(MOST_ROWS, math.prod(mixture.batch_shape)))
    return mixture[np.unravel_index(shown, mixture.batch_shape)]


def _labels(mixture: Mixture, first: Mixture) -> list[str]:
    batch, origin = mixture.batch_shape, first.origin
    if origin is not None and origin.labels is not None and len(batch) < 2:
        return [short(origin.label(row)) for row in origin.rows.tolist()]
    if not batch:
        return [""]
    return [", ".join(map(str, np.unravel_index(i, batch))) for i in range(len(first))]


def _more(mixture: Mixture, rows: Sequence[Row]) -> str:
    left = {
        "mixture": math.prod(mixture.batch_shape) - len(rows) if rows else 0,
        "target": mixture.num_targets - MOST_COLUMNS if rows else 0,
    }
    said = [count(number, f"more {noun}") for noun, number in left.items() if number > 0]
    return f"... and {' and '.join(said)}" if said else ""

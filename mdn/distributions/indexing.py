"""Indices into the batch of a mixture, which must not reach its components and targets."""

from typing import Any

import numpy as np
import torch
from torch import Tensor

Index = Any
"""What NumPy takes: whole numbers, slices, masks, lists, `...`, None, and tuples of them."""


def batch_index(index: Index, batch: torch.Size) -> tuple[Any, ...]:
    """The index as a tuple with `...` spelt out, so that axes after the batch are left alone.

    Raises:
        IndexError: on more indices than the batch has axes, and on what is not an index.
    """
    parts = [_part(part) for part in (index if isinstance(index, tuple) else (index,))]
    left = len(batch) - sum(map(_axes, parts))
    rests = [i for i, part in enumerate(parts) if part is Ellipsis]
    if left < 0 or len(rests) > 1:
        shape = f"batch shape {list(batch)}" if batch else "one mixture without a batch"
        raise IndexError(f"too many indices for {shape}: {index!r}")
    if rests:
        parts[rests[0] : rests[0] + 1] = [slice(None)] * left
    return tuple(parts)


def _axes(part: Any) -> int:
    if part is None or part is Ellipsis:
        return 0
    return part.ndim if isinstance(part, Tensor) and part.dtype == torch.bool else 1


def _part(part: Any) -> Any:
    if part is None or part is Ellipsis or isinstance(part, slice | Tensor):
        return part
    if isinstance(part, int) and not isinstance(part, bool):
        return part
    array = np.asarray(part)
    if isinstance(part, bool) or array.dtype.kind not in ("iub" if array.size else "iubf"):
        raise IndexError(
            f"a batch is indexed by whole numbers, slices, masks, ... and None, got {part!r}"
        )
    return torch.from_numpy(np.array(array, dtype=bool if array.dtype.kind == "b" else np.int64))

"""Indices into the batch of a mixture, which must not reach its components and targets."""

from collections.abc import Sequence
from types import EllipsisType, NoneType
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

Part = int | slice | EllipsisType | None | Tensor
"""An index into one or more axes, as torch takes it."""

if TYPE_CHECKING:
    Index = Part | np.ndarray | Sequence
else:
    Index = object
"""What NumPy takes: whole numbers, slices, masks, lists, `...`, None, and tuples of them."""


def batch_index(index: Index, batch: torch.Size) -> tuple[Part, ...]:
    """Return the index as a tuple without `...`, so that axes after the batch are left alone.

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


def _axes(part: Part) -> int:
    if part is None or part is Ellipsis:
        return 0
    return part.ndim if isinstance(part, Tensor) and part.dtype == torch.bool else 1


def _part(part: object) -> Part:
    if isinstance(part, slice | Tensor | EllipsisType | NoneType):
        return part
    if isinstance(part, int) and not isinstance(part, bool):
        return part
    array = np.asarray(part)
    if isinstance(part, bool) or array.dtype.kind not in ("iub" if array.size else "iubf"):
        raise IndexError(
            f"a batch is indexed by whole numbers, slices, masks, ... and None, got {part!r}"
        )
    return torch.from_numpy(np.array(array, dtype=bool if array.dtype.kind == "b" else np.int64))

"""Answers as a frame of the library that the question came in."""

from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Int64
from torch import Tensor

from mdn.distributions.origin import Origin

Columns = Mapping[str, Tensor | Sequence[str]]
"""Names and values, all of one length."""

_USUAL = "pyarrow"
"""The library of answers about what was no frame."""


def result_frame(
    columns: Columns, origin: Origin | None, rows: Int64[Tensor, " N"] | None = None
) -> object:
    """Return columns as a frame, with the labels of the rows that they are about.

    A missing number is null, or NaN in a frame of pandas.

    Args:
        columns: the answers.
        origin: of the mixtures, which have at most one batch axis; None for a frame of pyarrow.
        rows: the place of the mixture that each answer is about; one answer for each by default.
    """
    import narwhals as nw

    values = {name: _array(each) for name, each in columns.items()}
    library = None if origin is None else origin.library
    frame = nw.from_dict(values, backend=library or _USUAL)
    if origin is None or origin.labels is None:
        missing = [name for name, each in values.items() if _has_nan(each)]
        there = [nw.when(~nw.col(name).is_nan()).then(nw.col(name)).alias(name) for name in missing]
        return frame.with_columns(*there).to_native()
    asked = origin.rows.reshape(-1)
    native = frame.to_native()
    native.index = origin.labels[(asked if rows is None else asked[rows]).numpy()]
    return native


def _array(values: Tensor | Sequence[str]) -> np.ndarray | list[str]:
    return values.numpy(force=True) if isinstance(values, Tensor) else list(values)


def _has_nan(values: np.ndarray | list[str]) -> bool:
    floating = isinstance(values, np.ndarray) and values.dtype.kind == "f"
    return floating and bool(np.isnan(values).any())

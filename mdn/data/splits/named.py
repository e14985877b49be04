"""Rows split by a column that names the part of each."""

from jaxtyping import Int64
from torch import Tensor

from mdn.data.splits.fractions import Parts
from mdn.data.splits.marks import PARTS


def by_name(codes: Int64[Tensor, " N"]) -> Parts:
    """Return the rows of each part that is named."""
    found = {name: (codes == code).nonzero().squeeze(-1) for code, name in enumerate(PARTS)}
    return {name: rows for name, rows in found.items() if len(rows)}

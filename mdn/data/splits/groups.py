"""Rows split by group: a hash of the group tells the part, so rows added later change nothing."""

from collections.abc import Mapping

from jaxtyping import Int64
from torch import Tensor

from mdn.data.splits.fractions import Parts
from mdn.data.splits.marks import shares


def by_group(groups: Int64[Tensor, " N"], fractions: Mapping[str, float], seed: int) -> Parts:
    """Return the rows of each part, with about these fractions of the groups.

    Args:
        groups: a number for each group.
        fractions: by part; "train" gets the rest.
        seed: another one splits groups in another way.
    """
    share, parts, taken = shares(groups, seed), {}, 0.0
    for name, fraction in fractions.items():
        inside = (share >= taken) & (share < taken + fraction)
        parts[name] = inside.nonzero().squeeze(-1)
        taken += fraction
    return parts | {"train": (share >= taken).nonzero().squeeze(-1)}

"""Checks that no group is in two parts."""

from collections.abc import Mapping
from itertools import combinations

import torch
from jaxtyping import Int64
from torch import Tensor

from mdn.data.splits.fractions import Parts
from mdn.data.splits.marks import GROUP
from mdn.data.table import Table


def check_parts_apart(groups: Int64[Tensor, " N"], parts: Parts, source: str) -> None:
    """Refuse parts of one table that share a group.

    Raises:
        ValueError: where the model would be judged by groups that it has learned.
    """
    _check_apart({name: groups[rows] for name, rows in parts.items()}, source)


def check_groups_apart(tables: Mapping[str, Table], source: str) -> None:
    """Refuse tables that share a group, where their groups are known.

    Raises:
        ValueError: where the model would be judged by groups that it has learned.
    """
    _check_apart(
        {name: table.marks[GROUP] for name, table in tables.items() if GROUP in table.marks}, source
    )


def _check_apart(groups: Mapping[str, Tensor], source: str) -> None:
    distinct = {name: each.unique() for name, each in groups.items()}
    for one, other in combinations(distinct, 2):
        shared = int(torch.isin(distinct[one], distinct[other]).sum())
        if shared:
            raise ValueError(
                f"{source}: {shared} groups of `group_by` have rows in the {one} table and in the "
                f"{other} table, so that the model would be judged by groups that it has learned; "
                "split by `group_by` alone, mend the parts, or leave `group_by` out"
            )

"""Folds: parts of the training rows, each held out by other members of an ensemble.

Each member learns from the rows of all folds but one, so that all rows are learned from, and each
row of a fold can be predicted by a member that has not learned it (Wolpert 1992; Breiman 1996).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from heapq import heapify, heapreplace

import torch
from jaxtyping import Int64
from torch import Tensor

from mdn.data.seeds import generator
from mdn.data.splits.fractions import FEW, along
from mdn.data.splits.marks import GROUP
from mdn.data.table import Table
from mdn.distributions.open_settings import Auto

FOLDS = 8
"""Parts of the training rows; member m holds out part m modulo 8."""

FOLD = "fold"
"""The mark of a row that tells its fold."""

_FEWEST_ROWS = 5 * FOLDS
"""Rows of which folds are made; fewer tell a single network little about an epoch."""

_FEWEST_GROUPS = 2 * FOLDS
"""Groups of which folds are made."""

_LARGEST = 0.25
"""The largest part of the rows that a member may hold out, as the common part of few rows is."""

Stratify = bool | Auto


@dataclass(frozen=True)
class CrossFit:
    """Whether each member of an ensemble holds out a part of its own.

    Attributes:
        wanted: "auto" for where it is possible.
        members: M, of the ensemble.
        obstacle: the first reason found why it is not possible; empty where there is none.
    """

    wanted: bool | Auto = False
    members: int = 1
    obstacle: str = ""

    def unless(self, obstacle: str) -> "CrossFit":
        """Return the same with another reason against it, if that is one."""
        return replace(self, obstacle=self.obstacle or obstacle)

    @property
    def holds(self) -> bool:
        """Whether members hold out parts of their own.

        Raises:
            ValueError: if that is wanted, and not possible.
        """
        obstacle = "there is one network" if self.members < 2 else self.obstacle
        if self.wanted is True and obstacle:
            raise ValueError(
                "`cross_fit=True` has each network hold out training rows of its own, and "
                f"{obstacle}; leave `cross_fit` out, which then holds out one part for all"
            )
        return self.wanted is not False and not obstacle


COMMON = CrossFit()
"""All networks hold out the same part."""


def folded(
    train: Table,
    cross_fit: CrossFit,
    others: Sequence[str],
    seed: int,
    stratify: Stratify = "auto",
) -> Table | None:
    """Return the training rows with their folds among the marks; None where they have none.

    Groups stay whole, and go one by one into the smallest fold. Other rows are dealt at random;
    where `stratify` says so, each fold has small and large targets alike.

    Args:
        train: the rows.
        cross_fit: whether there are to be folds.
        others: the other parts of the split.
        seed: of the draws.
        stratify: "auto" where there are fewer than 500 rows.

    Raises:
        ValueError: if folds are wanted, and not possible.
    """
    if not cross_fit.unless(_obstacle(train, others)).holds:
        return None
    fold = _folds(train, seed, stratify)
    if not cross_fit.unless(_uneven(fold)).holds:
        return None
    return replace(train, marks={**train.marks, FOLD: fold})


def _obstacle(train: Table, others: Sequence[str]) -> str:
    """Why members cannot hold out folds of their own, or nothing."""
    if "val" in others:
        return "`split_by` names the rows to validate on"
    if train.split_by.time is not None:
        return "rows are split by `time_by`, whose last rows all networks hold out"
    if train.split_by.groups and (groups := len(train.marks[GROUP].unique())) < _FEWEST_GROUPS:
        return f"there are {groups} groups to train on, and it takes {_FEWEST_GROUPS}"
    if len(train) < _FEWEST_ROWS:
        return f"there are {len(train)} rows to train on, and it takes {_FEWEST_ROWS}"
    return ""


def _uneven(fold: Int64[Tensor, " N"]) -> str:
    largest = int(fold.bincount().max())
    if largest <= _LARGEST * len(fold):
        return ""
    return f"one group is so large that a fold has {largest} of the {len(fold)} rows"


def _folds(train: Table, seed: int, stratify: Stratify) -> Int64[Tensor, " N"]:
    if train.split_by.groups:
        return _of_groups(train.marks[GROUP], seed)
    few = len(train) < FEW if stratify == "auto" else stratify
    order = along(train.y).argsort(stable=True) if few else torch.arange(len(train))
    return _dealt(order, seed)


def _dealt(order: Int64[Tensor, " N"], seed: int) -> Int64[Tensor, " N"]:
    """The fold of each row: rows that follow on each other in the order are in unlike folds."""
    draws = torch.rand(len(order) // FOLDS + 1, FOLDS, generator=generator("folds", seed))
    fold = torch.empty_like(order)
    fold[order] = draws.argsort(-1).flatten()[: len(order)]
    return fold


def _of_groups(groups: Int64[Tensor, " N"], seed: int) -> Int64[Tensor, " N"]:
    """The fold of each row: the largest groups first, those of one size at random."""
    distinct, which = groups.unique(return_inverse=True)
    sizes = which.bincount()
    order = torch.randperm(len(distinct), generator=generator("folds", seed))
    order = order[sizes[order].argsort(descending=True, stable=True)]
    filled = [(0, fold) for fold in range(FOLDS)]
    heapify(filled)
    fold_of = torch.empty_like(distinct)
    for group, size in zip(order.tolist(), sizes[order].tolist(), strict=True):
        rows, fold = filled[0]
        fold_of[group] = fold
        heapreplace(filled, (rows + size, fold))
    return fold_of[which]

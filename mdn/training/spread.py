"""The spread of each network, learned again on rows that the network holds out.

Whether that helps is told by halves: what is learned on one half of the rows held out is scored on
the other. So every row is scored that no number of its network was learned from.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from mdn.data.members import held_out_rows
from mdn.data.seeds import generator
from mdn.data.splits.folds import FOLD
from mdn.data.splits.marks import GROUP
from mdn.data.table import Table
from mdn.distributions.mixture import GaussianMixture
from mdn.fitting.spread_refit import Spread, refitted_spread
from mdn.model.adjustments import guard_widths
from mdn.model.evaluation_mode import evaluation_mode
from mdn.model.guard import guard_alone
from mdn.model.model import Model
from mdn.networks.head import MixtureHead
from mdn.training.candidates import with_guard
from mdn.training.held_out import HeldOutPredictions, joined, predicted
from mdn.training.held_out_scores import scored_by

HALF = "half"
"""The mark of a row held out that tells its half."""

_MOST_ROWS = 700
"""Rows held out by a member that tell its spread well enough."""

_GUARD = 0.01
"""The probability of rows unlike those of training: no single row decides."""


def with_halves(table: Table) -> Table:
    """Return rows of folds with their halves among the marks; groups stay whole.

    Args:
        table: all rows of `TableModule.val_table`.
    """
    draws = generator("halves")
    if table.split_by.groups:
        distinct, which = table.marks[GROUP].unique(return_inverse=True)
        half = (torch.randperm(len(distinct), generator=draws) % 2)[which]
    else:
        order = torch.randperm(len(table), generator=draws)
        order = order[table.marks[FOLD][order].argsort(stable=True)]
        half = torch.empty_like(order)
        half[order] = torch.arange(len(table)) % 2
    return replace(table, marks={**table.marks, HALF: half})


@dataclass(frozen=True, eq=False)
class HalfSpreads:
    """The spread of each network, learned again on one half of the rows that it holds out.

    Attributes:
        spreads: by the half that they predict, which they were not learned on.
    """

    spreads: tuple[Spread, Spread]

    @classmethod
    def of(cls, model: Model, table: Table) -> "HalfSpreads":
        """Learn both.

        Args:
            model: a trained one, which stays as it is.
            table: rows that `with_halves` has marked.
        """
        of_half = [refitted(model, _of_half(table, half)) for half in (0, 1)]
        return cls((of_half[1], of_half[0]))

    def predicted(self, model: Model, table: Table) -> HeldOutPredictions:
        """Return predictions of rows that nothing was learned from.

        Args:
            model: a trained one.
            table: rows that `with_halves` has marked.
        """
        parts, rows = [], []
        for half, spread in enumerate(self.spreads):
            with having_spread(model.network.head, spread):
                parts.append(predicted(model, _of_half(table, half)).standardized)
            rows.append(_rows_of_half(table, half))
        mixture = joined(parts)[torch.cat(rows).argsort()]
        return HeldOutPredictions(model, table, mixture, table.marks[FOLD])


def predicted_by(model: Model, table: Table, halves: HalfSpreads | None) -> HeldOutPredictions:
    """Return predictions of rows that were not learned from.

    Args:
        model: a trained one.
        table: some of the rows of `TableModule.val_table`.
        halves: what predicts them where spreads were learned from them; they then have halves.
    """
    return predicted(model, table) if halves is None else halves.predicted(model, table)


@contextmanager
def having_spread(head: MixtureHead, spread: Spread) -> Iterator[None]:
    """Have a head predict with another spread for a while."""
    own = Spread.of(head)
    spread.put_into(head)
    try:
        yield
    finally:
        own.put_into(head)


def refitted(model: Model, table: Table) -> Spread:
    """Return the spread of each network that rows ask for which it holds out.

    Args:
        model: a trained one, which stays as it is.
        table: rows of folds, from which some are drawn where there are many.
    """
    table, log_prob = scored_by(model, table, model.dtype)
    some = table[torch.randperm(len(table), generator=generator("spread"))]
    rows, there = (each.T[:, :_MOST_ROWS] for each in held_out_rows(some, model.num_members))
    weight = there if some.weight is None else there * some.weight[rows]
    y = model.targets(some.y[rows].to(model.device), model.dtype)
    with evaluation_mode(model):
        x = model.inputs(some.x[rows].to(model.device), model.dtype)
        features = model.network.features(x)
        unlike = _guard_of(model, features)
    guarded = _guarded(model, y, log_prob, log_prob(unlike, y))
    return refitted_spread(model.network.head, features, guarded, weight.to(model.device))


def _guard_of(model: Model, features: Float[Tensor, "M N F"]) -> GaussianMixture:
    like = model.network.head(features[:, :1])
    return guard_alone(like, model.target_correlation, guard_widths(model.card))


def _guarded(
    model: Model, y: Tensor, log_prob: Callable, unlike: Tensor
) -> Callable[[GaussianMixture], Float[Tensor, "M N"]]:
    def log_prob_of(mixture: GaussianMixture) -> Tensor:
        if model.recalibration != 1:
            mixture = mixture.dispersed(model.recalibration)
        return with_guard(log_prob(mixture, y), _GUARD, unlike)

    return log_prob_of


def _rows_of_half(table: Table, half: int) -> Int64[Tensor, " n"]:
    return (table.marks[HALF] == half).nonzero().squeeze(-1)


def _of_half(table: Table, half: int) -> Table:
    return table[_rows_of_half(table, half)]

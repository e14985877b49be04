"""Predictions of rows that whoever predicts them has not learned from.

Where members hold out parts of their own, each row is predicted by the first member that holds it
out: by a single network, whose predictions are a little worse than those of the pool that the model
is. Otherwise the model predicts the rows that all networks hold out.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from mdn.data.members import held_out_rows
from mdn.data.splits.folds import FOLD, FOLDS
from mdn.data.table import Table
from mdn.distributions.abstract import Mixture
from mdn.distributions.mixture import GaussianMixture
from mdn.model.evaluation_mode import evaluation_mode
from mdn.model.model import Model
from mdn.training.datamodule import EVALUATION_BATCH, TableModule


@dataclass(frozen=True, eq=False)
class HeldOutPredictions:
    """Rows, and what was predicted of each by what had not learned from it.

    Attributes:
        model: which decides the units, and what becomes of a mixture behind the network.
        table: the rows, with their weights.
        standardized: a mixture for each row as the network gives it: neither recalibrated nor
            guarded.
        fold: of each row; 0 where all networks hold out the same rows.
    """

    model: Model
    table: Table
    standardized: GaussianMixture
    fold: Int64[Tensor, " N"]

    @property
    def mixture(self) -> Mixture:
        """A mixture for each row as the model answers now, in the user's units and float64."""
        return self.model.answer(self.standardized, torch.float64)

    @property
    def y(self) -> Float[Tensor, "N D"]:
        """The standardized targets, as the network sees them."""
        return self.model.targets(self.table.y.to(self.model.device), self.model.dtype)

    @property
    def by_single_networks(self) -> bool:
        """Whether a member predicts each row, and not the pool."""
        return FOLD in self.table.marks


def held_out(model: Model, data: TableModule) -> HeldOutPredictions:
    """Return predictions of all rows that were not learned from.

    Args:
        model: a trained one.
        data: the rows that it was trained on.
    """
    return predicted(model, data.val_table)


def predicted(model: Model, table: Table) -> HeldOutPredictions:
    """Return predictions of some of the rows that were not learned from.

    Args:
        model: a trained one.
        table: some of the rows of `TableModule.val_table`.
    """
    with evaluation_mode(model):
        if FOLD not in table.marks:
            fold = torch.zeros(len(table), dtype=torch.int64)
            return HeldOutPredictions(model, table, joined(list(_by_pool(model, table))), fold)
        parts, rows = zip(*_by_members(model, table), strict=True)
        mixture = joined(parts)[torch.cat(rows).argsort()]
        return HeldOutPredictions(model, table, mixture, table.marks[FOLD])


def _by_pool(model: Model, table: Table) -> Iterator[GaussianMixture]:
    for part in table.pieces(EVALUATION_BATCH):
        x = model.inputs(part.x.to(model.device), model.dtype)
        yield model.network(x).expand(len(part))[:]


def _by_members(
    model: Model, table: Table
) -> Iterator[tuple[GaussianMixture, Int64[Tensor, " n"]]]:
    """Yield mixtures, and the rows that they are of."""
    rows, there = held_out_rows(table, model.num_members)
    size = -(-EVALUATION_BATCH // model.num_members)
    for some, known in zip(rows.T.split(size, -1), there.T.split(size, -1), strict=True):
        x = model.inputs(table.x[some].to(model.device), model.dtype)
        mixtures = model.network.per_member(x).expand(*some.shape)
        chosen = known[:FOLDS].nonzero(as_tuple=True)
        yield mixtures[chosen], some[chosen]


def joined(parts: Sequence[GaussianMixture]) -> GaussianMixture:
    """Mixtures of rows, one batch after the other."""
    stored = zip(*([each.log_pi, each.mu, *each.scale.tensors()] for each in parts), strict=True)
    values = iter([torch.cat(each) for each in stored])
    return parts[0].map(lambda _: next(values))

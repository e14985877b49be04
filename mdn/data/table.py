"""Rows of data in memory: inputs, targets, weights and the names of the columns."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING

import torch
from jaxtyping import Float64, Int64
from torch import Tensor

from mdn.data.batches import Batches, Share
from mdn.data.missing_targets import Dropped, counts, without_target
from mdn.data.profile import Profile, profile_of
from mdn.data.reading import Reading
from mdn.data.splits.settings import SplitBy
from mdn.data.table_checks import (
    check_kinds,
    check_lengths,
    check_matrix,
    check_names,
    check_row_weights,
)
from mdn.networks.kinds import Kind, numbers

if TYPE_CHECKING:
    from mdn.data.summary import TableSummary

ColumnKeys = Sequence[str | int] | str | int
"""Columns by name or by position, where -1 is the last; one on its own needs no list. A name may be
a pattern, as in "temp_*", or a regular expression after "re:"."""

SaidKinds = Mapping[str, str | Kind]
"""Kinds by the names of columns: a word, as in "category", or a kind that has been fitted."""


@dataclass(frozen=True, eq=False, repr=False)
class Table:
    """N rows of P inputs and D targets, in the user's units.

    Float64, because a date in seconds or a count beyond 2^24 loses digits in float32;
    standardization comes before any network, and its results fit in float32.

    Attributes:
        x: the inputs, as `mdn.networks.kinds` has them; NaN where missing.
        y: the targets; NaN where missing.
        weight: how often each row counts, or None for once each.
        input_names: of the P inputs.
        target_names: of the D targets.
        kinds: of the P inputs; numbers by default.
        dropped: how many rows were left out for what they lack, as `counted` does.
        split_by: what the rows are to be split by, in names of columns.
        marks: its numbers for each row, as `mdn.data.splits.marks` has them.
        reading: what was guessed while it was read.

    Raises:
        TypeError: on rows that are not tensors of float64, and on names that are not text.
        ValueError: if shapes or names do not fit together, or weights are no weights.
    """

    x: Float64[Tensor, "N P"]
    y: Float64[Tensor, "N D"]
    weight: Float64[Tensor, " N"] | None
    input_names: list[str]
    target_names: list[str]
    kinds: tuple[Kind, ...] = ()
    dropped: Dropped = field(default_factory=dict)
    split_by: SplitBy = field(default_factory=SplitBy)
    marks: Mapping[str, Tensor] = field(default_factory=dict)
    reading: Reading = field(default_factory=Reading)

    def __post_init__(self) -> None:
        check_matrix("x", self.x, self.input_names)
        check_matrix("y", self.y, self.target_names)
        check_names([*self.input_names, *self.target_names])
        check_lengths(self.x, self.y)
        object.__setattr__(self, "kinds", self.kinds or numbers(len(self.input_names)))
        check_kinds(self.kinds, self.input_names)
        if self.weight is not None:
            check_row_weights(self.weight, len(self.y))

    @classmethod
    def from_frame(
        cls,
        frame: object,
        targets: ColumnKeys,
        inputs: ColumnKeys | None = None,
        weight: str | int | None = None,
        exclude: ColumnKeys = (),
        kinds: SaidKinds | None = None,
        split: SplitBy | None = None,
    ) -> "Table":
        """Take columns of a frame, of numbers, truth values, text, dates or categories.

        Row names, identifiers and free text are left out unless `inputs` or `kinds` names them.

        Args:
            frame: of pandas, polars, pyarrow or another library that narwhals knows.
            targets: columns of numbers by name, by position, where -1 is the last, by a pattern
                such as "temp_*", or by a regular expression after "re:".
            inputs: as targets; None for all the rest, an empty list for a density of the targets.
            weight: the column that says how often each row counts, or None; rows of weight zero
                are left out.
            exclude: as targets; columns that are no inputs.
            kinds: what columns hold that would be taken for something else, as in
                {"zip": "category"}: number, boolean, category or time.
            split: what the rows are to be split by for a fit; by default they are split at random.

        Raises:
            TypeError: if it is not a frame, or its rows are not there yet.
            ValueError: if a column is missing, named twice, or does not hold what it should.
        """
        from mdn.data.from_memory import table_of_frame  # only this needs pyarrow and narwhals

        return table_of_frame(frame, targets, inputs, weight, exclude, kinds, split or SplitBy())

    @classmethod
    def from_arrays(
        cls,
        X: object,
        y: object,
        weight: object = None,
        input_names: Sequence[str] | None = None,
        target_names: Sequence[str] | None = None,
    ) -> "Table":
        """Take rows of numbers: tensors, arrays or lists.

        Args:
            X: inputs [N, P], or [N] where there is one; None for a density of the targets.
            y: targets [N, D], or [N] where there is one.
            weight: how often each row counts [N], or None; rows of weight zero are left out.
            input_names: of the P inputs; x0, x1, ... by default.
            target_names: of the D targets; y0, y1, ... by default.

        Raises:
            ValueError: if shapes or names do not fit together, or a number is not finite.
        """
        from mdn.data.from_memory import table_of_arrays

        return table_of_arrays(X, y, weight, input_names, target_names)

    @cached_property
    def profile(self) -> Profile:
        """What one pass over the rows tells; computed once, of at least one row."""
        names = self.input_names, self.target_names
        return profile_of(self.x, self.y, self.weight, *names, self.kinds)

    def describe(self) -> "TableSummary":
        """Say what is known of each column, and what a training on these rows does with it."""
        from mdn.data.kinds.coding import fitted_kinds, recoded
        from mdn.data.summary import summary_of

        return summary_of(recoded(self, fitted_kinds(self)))

    def __repr__(self) -> str:
        from mdn.data.table_overview import table_overview  # which knows tables

        return table_overview(self).text()

    def _repr_html_(self) -> str:
        from mdn.data.table_overview import table_overview

        return table_overview(self).html()

    def __len__(self) -> int:
        return len(self.y)

    def __getitem__(self, rows: slice | Int64[Tensor, " M"]) -> "Table":
        """Take some rows, as a table."""
        weight = None if self.weight is None else self.weight[rows]
        marks = {name: mark[rows] for name, mark in self.marks.items()}
        return replace(self, x=self.x[rows], y=self.y[rows], weight=weight, marks=marks)

    @cached_property
    def misses_targets(self) -> bool:
        """Whether any row lacks a target."""
        return bool(self.y.isnan().any())

    def counted(self) -> "Table":
        """Keep the rows that have a target and a positive weight; the largest weight becomes 1."""
        if self.weight is None and not self.misses_targets:
            return self
        table = self[counts(self.y, self.weight).nonzero().squeeze(-1)]
        dropped = {**self.dropped, **without_target(self.y)}
        if table.weight is None:
            return replace(table, dropped=dropped)
        largest = table.weight.max() if len(table) else 1.0
        return replace(table, weight=table.weight / largest, dropped=dropped)

    def whole(self) -> "Table":
        """Keep the rows that have every target."""
        if not self.misses_targets:
            return self
        return self[(~self.y.isnan().any(-1)).nonzero().squeeze(-1)]

    @property
    def tensors(self) -> tuple[Tensor, ...]:
        """(x, y), or (x, y, weight) where rows are weighted: what a batch is made of."""
        return (self.x, self.y) if self.weight is None else (self.x, self.y, self.weight)

    @property
    def weighted(self) -> bool:
        """Tell whether rows have weights."""
        return self.weight is not None

    @property
    def sample(self) -> "Table":
        """Rows that stand for all rows, where few are enough: here they are all rows."""
        return self

    def pieces(self, rows: int) -> Iterator["Table"]:
        """Yield all rows in order, at most so many at a time."""
        for start in range(0, len(self), rows):
            yield self[start : start + rows]

    def batches(self, batch_size: int, seed: int | None, share: Share) -> Batches:
        """Return batches of the rows, on the device of the share.

        Args:
            batch_size: the most rows in a batch.
            seed: of the order of the rows; None leaves them as they are.
            share: which of the rows, in which epoch.
        """
        tensors = [tensor.to(share.device) for tensor in self.tensors]
        return Batches(tensors, batch_size, seed, share.epoch, share.rank, share.world_size)


def joined(tables: Sequence[Table]) -> Table:
    """Return the rows of tables with the same columns, one table after the other."""
    weights = [each.weight for each in tables if each.weight is not None]
    return replace(
        tables[0],
        x=torch.cat([each.x for each in tables]),
        y=torch.cat([each.y for each in tables]),
        weight=torch.cat(weights) if weights else None,
        marks={name: torch.cat([each.marks[name] for each in tables]) for name in tables[0].marks},
    )

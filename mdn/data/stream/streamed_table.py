"""Rows of a part of a stream, which stand where a table in memory may stand."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import torch
from jaxtyping import Float64, Int64
from torch import Tensor

from mdn.data.batches import Share
from mdn.data.kinds.coding import recoded
from mdn.data.missing_targets import Dropped
from mdn.data.profile import ColumnProfile, Profile
from mdn.data.stream.batches import StreamedBatches
from mdn.data.stream.parts import Part
from mdn.data.stream.row_draws import row_draws
from mdn.data.stream.source import Chunk, Source
from mdn.data.table import Table
from mdn.networks.kinds import Kind

if TYPE_CHECKING:
    from mdn.data.summary import TableSummary


@dataclass(frozen=True, eq=False)
class Noise:
    """Uniform noise of the targets, which belongs to a row whenever it is read.

    Attributes:
        widths: of the noise of each target.
        seed: from which it follows.
    """

    widths: Float64[Tensor, " D"]
    seed: int

    def __call__(self, chunk: Chunk) -> Chunk:
        targets = range(len(self.widths))
        draws = [row_draws(chunk.numbers, "dequantize", self.seed, i) for i in targets]
        noise = torch.stack(draws, 1) - 0.5
        table = chunk.table
        return replace(chunk, table=replace(table, y=table.y + noise * self.widths))


@dataclass(frozen=True, eq=False)
class StreamedTable:
    """Rows that are read whenever they are needed.

    Attributes:
        source: where they are.
        part: which of the rows of the source they are.
        rows_of_groups: how many rows of each row group they are.
        largest_weight: of the source; the rows have weights of at most 1.
        sample: rows in memory that stand for all of them.
        profile: what the pass over all of them has told.
        limits: the profile of the targets within which the rows lie; None for all.
        noise: what spreads the targets; None for targets as they are.
    """

    source: Source
    part: Part
    rows_of_groups: Int64[Tensor, " G"]
    largest_weight: float
    sample: Table
    profile: Profile
    limits: ColumnProfile | None = None
    noise: Noise | None = None

    def __len__(self) -> int:
        return int(self.rows_of_groups.sum())

    @property
    def input_names(self) -> list[str]:
        """Names of the columns of x."""
        return self.sample.input_names

    @property
    def target_names(self) -> list[str]:
        """Names of the columns of y."""
        return self.sample.target_names

    @property
    def kinds(self) -> tuple[Kind, ...]:
        """Kinds of the columns of x."""
        return self.sample.kinds

    @property
    def weighted(self) -> bool:
        """Tell whether rows have weights."""
        return self.sample.weighted

    @property
    def num_columns(self) -> int:
        """How many numbers a row has."""
        return len(self.input_names) + len(self.target_names) + self.weighted

    def read(self, group: int) -> Iterator[Table]:
        """Read the rows of a row group, in order."""
        for chunk in self.source.chunks(self.source.groups[group]):
            yield self._coded(chunk)

    @property
    def dropped(self) -> Dropped:
        """How many rows were left out for what they lack."""
        return self.sample.dropped

    def describe(self) -> "TableSummary":
        """Say what is known of each column; counts are those of the sample, scaled."""
        summary = self.sample.describe()
        scale = len(self) / len(self.sample)
        columns = [replace(each, missing=round(scale * each.missing)) for each in summary.columns]
        note = (
            f"rows stay in {self.source.name} and are read in each epoch; of the columns, a sample "
            f"of {len(self.sample):,} rows tells"
        )
        return replace(
            summary, rows=len(self), columns=tuple(columns), remarks=(note, *summary.remarks)
        )

    def batches(self, batch_size: int, seed: int | None, share: Share) -> StreamedBatches:
        """Return batches of the rows, on the device of the share, as `Table.batches` does."""
        return StreamedBatches(self, batch_size, seed, share)

    def pieces(self, rows: int) -> Iterator[Table]:
        """Yield all rows in order, at most so many at a time."""
        for group in self.rows_of_groups.nonzero().squeeze(-1).tolist():
            for table in self.read(group):
                yield from table.pieces(rows)

    def coded_as(self, kinds: tuple[Kind, ...]) -> "StreamedTable":
        """Number the levels of categories as others have them."""
        return replace(self, sample=recoded(self.sample, kinds))

    def within(self, limits: ColumnProfile) -> "StreamedTable":
        """Leave out the rows with a target that is far out or beyond the limits."""
        some = replace(self, limits=limits)
        counts = [sum(map(len, some.read(group))) for group in range(len(self.rows_of_groups))]
        sample = self.sample[(~limits.outside(self.sample.y).any(-1)).nonzero().squeeze(-1)]
        profile = replace(self.profile, rows=sum(counts), counted_rows=sum(counts))
        return replace(some, rows_of_groups=torch.tensor(counts), sample=sample, profile=profile)

    def _coded(self, chunk: Chunk) -> Table:
        rows = self.part.rows(chunk)
        if self.limits is not None:
            rows &= ~self.limits.outside(chunk.table.y).any(-1)
        chunk = chunk[rows.nonzero().squeeze(-1)]
        chunk = chunk if self.noise is None else self.noise(chunk)
        table = recoded(chunk.table, self.kinds)
        if table.weight is None:
            return table
        return replace(table, weight=table.weight / self.largest_weight)

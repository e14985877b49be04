"""Where mixtures come from: the rows of a frame that a model was asked about, and its members."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import torch
from jaxtyping import Int64
from torch import Tensor

from mdn.distributions.indexing import Part

if TYPE_CHECKING:
    import narwhals as nw
    import pandas

    Library = nw.Implementation
    Labels = pandas.Index
else:
    Library = Labels = object


@dataclass(frozen=True, eq=False)
class Origin:
    """The rows that mixtures answer for, and the ensemble that answers.

    It goes along where a batch is indexed, repeated, moved or changed row by row. Where rows
    cannot be told apart any more, as after an average over them, it is left out.

    Attributes:
        rows: the number of the row of each mixture.
        members: the networks of the ensemble; 1 for a single one.
        library: that the frame was of; None for rows that were no frame.
        labels: of all rows of the frame, where its library has such.
    """

    rows: Int64[Tensor, "*batch"]
    members: int = 1
    library: Library | None = None
    labels: Labels | None = None

    @classmethod
    def of(cls, data: object, rows: int, members: int) -> "Origin":
        """Return the origin of one mixture for each row of a frame, or of other rows."""
        import narwhals as nw

        numbers, frame = torch.arange(rows), nw.from_native(data, pass_through=True)
        if not isinstance(frame, nw.DataFrame):
            return cls(numbers, members)
        return cls(numbers, members, frame.implementation, nw.maybe_get_index(frame))

    def take(self, index: tuple[Part, ...]) -> "Origin":
        """Return the origin of some of the mixtures."""
        there = tuple(part.cpu() if isinstance(part, Tensor) else part for part in index)
        return replace(self, rows=self.rows[there])

    def flatten(self) -> "Origin":
        """Return the origin of the same mixtures with one batch axis."""
        return replace(self, rows=self.rows.reshape(-1))

    def pool(self) -> "Origin | None":
        """Return the origin of averages along the first axis; None where they are over rows."""
        first = self.rows[0]
        return replace(self, rows=first) if bool((self.rows == first).all()) else None

    def without_members(self) -> "Origin":
        """Return the same rows, of no ensemble."""
        return replace(self, members=1)

    def fitting(self, batch: torch.Size) -> "Origin | None":
        """Return the origin for a batch that rows were repeated to; None for any other batch."""
        if self.rows.shape == batch:
            return self
        try:
            return replace(self, rows=self.rows.expand(batch))
        except RuntimeError:
            return None

    def label(self, row: int) -> str:
        """Return what a row is called: its label in the frame, or its number."""
        return str(row if self.labels is None else self.labels[row])

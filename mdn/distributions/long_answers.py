"""Answers of which a mixture has several, such as modes: a frame, and a few lines, of all."""

from collections.abc import Sequence
from dataclasses import dataclass

from jaxtyping import Bool, Float
from torch import Tensor

from mdn.distributions.origin import Origin
from mdn.distributions.overview import MOST_ROWS, Overview, Row, count, number, safely, short
from mdn.distributions.result_frame import result_frame
from mdn.distributions.target_names import Names

_ROW = "row"


@dataclass(frozen=True, eq=False)
class LongAnswers:
    """Several answers for each mixture, in as many places as hold all of them.

    Attributes:
        kind: what one answer is called; also the column that counts them.
        there: which places hold an answer.
        values: further columns: their names and numbers.
        origin: of the mixtures.
    """

    kind: str
    there: Bool[Tensor, "*batch S"]
    values: Sequence[tuple[str, Float[Tensor, "*batch S"]]]
    origin: Origin | None

    def to_frame(self) -> object:
        """Return one row for each answer; the first columns are "row" and the kind of answer.

        Raises:
            ValueError: on more than one batch axis, and on two columns of one name.
        """
        self._check_names()
        if self.there.ndim > 2:
            raise ValueError(
                f"a frame counts the rows of a batch with one axis, got batch shape "
                f"{list(self.there.shape[:-1])}; ask one mixture[i] after the other"
            )
        row, place, values = self._first(None)
        return result_frame(
            {_ROW: row, self.kind: place, **dict(values)}, self.origin, row.to("cpu")
        )

    def overview(self, title: str) -> Overview:
        """Return the answers of the first mixtures in a few lines."""
        batch, header = list(self.there.shape[:-1]), [_ROW, self.kind]
        header = [*header, *(short(name) for name, _ in self.values)]
        mixtures = count(self.there.shape[:-1].numel(), "mixture")
        rows = safely(self._rows)
        return Overview(f"{title} of {mixtures}, batch shape {batch}", {}, header, rows)

    def _rows(self) -> list[Row]:
        row, place, values = self._first(MOST_ROWS)
        columns = [each.tolist() for each in (row, place)]
        texts = [list(map(str, column)) for column in columns]
        texts += [list(map(number, each.tolist())) for _, each in values]
        return list(zip(*texts, strict=True))

    def _first(
        self, most: int | None
    ) -> tuple[Tensor, Tensor, list[tuple[str, Float[Tensor, " N"]]]]:
        """The rows, the places and the values of the answers of the first mixtures."""
        there = _flat(self.there, most)
        row, place = there.nonzero(as_tuple=True)
        return row, place, [(name, _flat(each, most)[row, place]) for name, each in self.values]

    def _check_names(self) -> None:
        names = [_ROW, self.kind, *(name for name, _ in self.values)]
        twice = [name for name in names if names.count(name) > 1]
        if twice:
            raise ValueError(
                f"the target {twice[0]!r} has the name of another column of this frame; give it "
                "another one by dataclasses.replace(mixture, target_names=(...))"
            )


def _flat(values: Tensor, most: int | None) -> Tensor:
    return values.reshape(-1, values.shape[-1])[:most]


def names_of(names: Names, num_targets: int) -> Sequence[str]:
    """Return the names of targets; y0, y1, ... where they have none."""
    return names or [f"y{i}" for i in range(num_targets)]

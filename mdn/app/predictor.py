"""Predictions for the rows of a file in constant memory.

Pieces of the file are predicted at the same time, one per processor, and returned in order.
"""

import math
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TypeVar

import pyarrow as pa
import torch
from jaxtyping import Float
from torch import Tensor

from mdn.data.kinds.coded_columns import coded, matrix
from mdn.data.kinds.unknown_levels import unknown_levels
from mdn.data.kinds.wanted_formats import wanted_formats
from mdn.data.readers.columns import Columns
from mdn.data.readers.reader import PIECE, Reader
from mdn.data.roles import find_columns
from mdn.data.seeds import generator
from mdn.data.table import ColumnKeys
from mdn.distributions.checks import check_fits
from mdn.model.input_counts import InputCounts
from mdn.model.model import Model
from mdn.model.novelty import Novelty
from mdn.model.prediction_columns import ColumnSettings, Prediction
from mdn.networks.kinds import Category, Kind

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


_AHEAD = 1 << 28
"""Bytes of rows that are read before they are computed."""


@dataclass(frozen=True)
class Predictor:
    """A model that turns pieces of a file into tables of predictions.

    Attributes:
        model: the model.
        settings: which columns to compute.
        targets: columns with observed targets, if a column needs them.
        ids: columns that are copied from the file.
        seed: of the samples, which do not depend on the format of the file.
        counts: of missing values and unknown levels in the rows so far.
    """

    model: Model
    settings: ColumnSettings
    targets: list[str]
    ids: list[str]
    seed: int
    counts: InputCounts = field(default_factory=InputCounts)

    @cached_property
    def kinds(self) -> dict[str, Kind]:
        """The kinds of the inputs by name."""
        card = self.model.card
        return dict(zip(card.inputs, card.fitted_kinds, strict=True))

    @classmethod
    def for_file(
        cls,
        model: Model,
        settings: ColumnSettings,
        stream: Reader,
        ids: ColumnKeys,
        seed: int,
    ) -> "Predictor":
        """Return a predictor whose columns are all in the file.

        Raises:
            ValueError: if one is not.
        """
        targets = model.card.targets if settings.needs("targets") else []
        find_columns(stream.head, [*model.card.inputs, *targets])
        return cls(model, settings, targets, find_columns(stream.head, ids), seed)

    def tables(self, stream: Reader) -> Iterator[pa.Table]:
        """Yield the predictions for the rows of a file, piece by piece."""
        wanted = dict.fromkeys(self.targets, "number") | wanted_formats(self.kinds)
        wanted |= self.model.card.formats
        pieces = stream.pieces([*self.kinds, *self.targets], self.ids, wanted)
        ahead = max(1, _AHEAD // (8 * PIECE * (len(self.kinds) + len(self.ids))))
        for table, counts in in_order(lambda item: self._answers(*item), enumerate(pieces), ahead):
            self.counts.add(counts)
            yield table

    def _answers(self, number: int, piece: Columns) -> tuple[pa.Table, InputCounts]:
        piece = replace(piece, formats=self.model.card.formats)
        x = coded(piece, list(self.kinds), list(self.kinds.values()))
        counts = InputCounts.of(self.model.card, x)
        counts.levels = {
            name: unknown_levels(piece, name, kind)
            for name, kind in self.kinds.items()
            if name in counts.unknown and isinstance(kind, Category)
        }
        return self._table(number, piece, x), counts

    def _table(self, number: int, piece: Columns, x: Float[Tensor, "N P"]) -> pa.Table:
        y = matrix(piece, self.targets) if self.targets else None
        self._check_samples(len(x))
        copied = {name: piece.table.column(name) for name in self.ids}
        predicted = self.columns(x, y, generator("samples", self.seed, number))
        repeated = sorted(copied.keys() & predicted.keys())
        if repeated:
            raise ValueError(
                f"{repeated[0]!r} is a column of the answers too; rename it in {piece.source}"
            )
        return pa.table(copied | predicted)

    def _check_samples(self, rows: int) -> None:
        # Samples take memory twice: as they are drawn, and as a copy.
        if "samples" in self.settings.columns:
            numbers = rows * self.settings.samples * len(self.model.card.targets)
            check_fits(16 * numbers, f"samples={self.settings.samples} for {rows} rows at a time")

    def columns(
        self,
        x: Float[Tensor, "N P"],
        y: Float[Tensor, "N D"] | None,
        draws: torch.Generator,
    ) -> dict[str, pa.Array]:
        """Return the columns for some rows, with nulls where there is no number."""
        with torch.inference_mode():
            if self.settings.needs("members"):
                mixture, members = self.model.with_members(x)
            else:
                mixture, members = self.model(x), None
            targets = self.model.card.targets
            prediction = Prediction(mixture, targets, members, y, draws, self._new_inputs(x))
            columns = self.settings.compute(prediction)
            return {name: _array(values) for name, values in columns.items()}

    def _new_inputs(self, x: Float[Tensor, "N P"]) -> list[list[str]] | None:
        if not self.settings.needs("novelty"):
            return None
        return Novelty.of(self.model.card, x).names(self.model.card.inputs)


def _array(values: Tensor | list[str]) -> pa.Array:
    if isinstance(values, list):
        return pa.array(values, pa.string())
    return pa.array(values.numpy(), from_pandas=True)


def in_order(
    function: Callable[[_Item], _Result], items: Iterable[_Item], ahead: float = math.inf
) -> Iterator[_Result]:
    """Yield a function's results in order; all processors compute them, a few items ahead.

    Args:
        function: of an item.
        items: in order.
        ahead: how many items may wait, at most.
    """
    workers = os.cpu_count() or 1
    most = min(2 * workers, ahead)
    waiting: deque[Future[_Result]] = deque()
    # One thread a piece: there is too little to compute in a piece to share it.
    pool = ThreadPoolExecutor(workers, initializer=torch.set_num_threads, initargs=(1,))
    try:
        for item in items:
            waiting.append(pool.submit(function, item))
            if len(waiting) > most:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:  # a command that is stopped does not wait for items that nobody will see
        pool.shutdown(cancel_futures=True)

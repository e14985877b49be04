"""Answers about p(y given x) for every row of a file, in the user's units, as a table.

Any number of rows goes through in constant memory. Pieces of the file are worked on at the same
time, one by each processor, and written in their order.
"""

import os
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import pyarrow as pa
import torch
from jaxtyping import Float
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from torch import Tensor

from mdn.app.writers import STANDARD_OUTPUT, TableWriter
from mdn.data.columns import Wanted, find_columns, matrix
from mdn.data.formats import ColumnFile
from mdn.data.seeds import generator
from mdn.data.stream import RowStream, open_rows
from mdn.distributions.checks import check_fits
from mdn.model.answers import Answers, Asked
from mdn.model.load import load
from mdn.model.model import Model

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


def predict(config: dict[str, Any]) -> None:
    """Write the columns asked for, of every row, to `out`."""
    asked = asked_for(config)
    _check_seed(config["seed"])
    _check_not_itself(config["data"]["path"], config["out"])
    writer = TableWriter(config["out"])
    model = load(config["ckpt"])
    stream = open_rows(config["data"]["path"])
    predictor = Predictor.of(model, asked, stream, config["id"], config["seed"])
    with _reader_may_leave(config["out"]):
        rows = _write(predictor, stream, writer)
        # Nothing but the answers belongs on standard output.
        said = sys.stderr if config["out"] == STANDARD_OUTPUT else sys.stdout
        print(f"{rows} rows predicted: {config['out']}", file=said)


def _write(predictor: "Predictor", stream: RowStream, writer: TableWriter) -> int:
    """The number of rows written."""
    rows = 0
    with writer, progress(stream) as report:
        for table in predictor.tables(stream):
            writer.write(table)
            rows += table.num_rows
            report(rows)
    sys.stdout.flush()  # so that a reader who has left is met here
    return rows


@contextmanager
def _reader_may_leave(out: str) -> Iterator[None]:
    """Stop quietly when whoever reads standard output has seen enough, as `head` has."""
    try:
        yield
    except BrokenPipeError:
        if out != STANDARD_OUTPUT:
            raise
        # What is still in the buffer would fail again at the end of the program.
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)


def asked_for(config: dict[str, Any]) -> Asked:
    """The columns that a configuration asks for; one on its own needs no brackets.

    Raises:
        ValueError: on what is none, or out of range.
    """
    levels = _listed(config["quantiles"])
    if any(isinstance(level, bool) or not isinstance(level, int | float) for level in levels):
        raise ValueError(f"quantiles must be numbers from 0 to 1, got {config['quantiles']!r}")
    return Asked(_listed(config["columns"]), levels, config["interval_level"], config["samples"])


def _listed(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else [value]


def _check_seed(seed: Any) -> None:
    if not isinstance(seed, int) or seed < 0:
        raise ValueError(f"seed must be a whole number from 0 up, got {seed!r}")


def _check_not_itself(path: str, out: str) -> None:
    if out != STANDARD_OUTPUT and Path(path).resolve() == Path(out).resolve():
        raise ValueError(f"out is {out!r}, the file that is read; name another one")


@dataclass(frozen=True)
class Predictor:
    """Pieces of a file to tables of answers.

    Attributes:
        model: the model.
        asked: which columns are wanted.
        targets: columns with the values of the targets, where the log density is wanted.
        ids: columns that are handed on.
        seed: of the samples, which do not depend on the format of the file.
    """

    model: Model
    asked: Asked
    targets: list[str]
    ids: list[str]
    seed: int

    @classmethod
    def of(
        cls, model: Model, asked: Asked, stream: RowStream, ids: Wanted, seed: int
    ) -> "Predictor":
        """A predictor whose columns are all in the file.

        Raises:
            ValueError: if one is not.
        """
        targets = model.card.targets if "log_density" in asked.columns else []
        find_columns(stream.head, [*model.card.inputs, *targets])
        return cls(model, asked, targets, find_columns(stream.head, ids), seed)

    def tables(self, stream: RowStream) -> Iterator[pa.Table]:
        """The answers to the rows of a file."""
        pieces = stream.pieces([*self.model.card.inputs, *self.targets], self.ids)
        return in_order(lambda item: self._table(*item), enumerate(pieces))

    def _table(self, number: int, piece: ColumnFile) -> pa.Table:
        x = matrix(piece, self.model.card.inputs)
        y = matrix(piece, self.targets) if self.targets else None
        self._check_samples(len(x))
        columns = {name: piece.table.column(name) for name in self.ids}
        answers = self.answer(x, y, generator("samples", self.seed, number))
        twice = sorted(columns.keys() & answers.keys())
        if twice:
            raise ValueError(
                f"{twice[0]!r} is a column of the answers too; rename it in {piece.path}"
            )
        return pa.table(columns | answers)

    def _check_samples(self, rows: int) -> None:
        """Refuse more draws for a piece than there is memory for: as they are drawn, and a copy."""
        if "samples" in self.asked.columns:
            numbers = rows * self.asked.samples * len(self.model.card.targets)
            check_fits(16 * numbers, f"samples={self.asked.samples} for {rows} rows at a time")

    def answer(
        self,
        x: Float[Tensor, "N P"],
        y: Float[Tensor, "N D"] | None,
        draws: torch.Generator,
    ) -> dict[str, pa.Array]:
        """The answers to some rows; empty where there is none."""
        with torch.inference_mode():
            members = self.model.members(x) if self.asked.of_members else None
            targets = self.model.card.targets
            answers = Answers(self.model(x), targets, self.asked, y, draws, members)
            columns = answers.columns()
            return {n: pa.array(v.numpy(), from_pandas=True) for n, v in columns.items()}


def in_order(function: Callable[[_Item], _Result], items: Iterable[_Item]) -> Iterator[_Result]:
    """The results for items, worked on by all processors, a few of them ahead."""
    workers = os.cpu_count() or 1
    waiting: deque[Future[_Result]] = deque()
    # One thread a piece: what is computed for a piece is too little to be shared.
    with ThreadPoolExecutor(workers, initializer=torch.set_num_threads, initargs=(1,)) as pool:
        for item in items:
            waiting.append(pool.submit(function, item))
            if len(waiting) > 2 * workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


@contextmanager
def progress(stream: RowStream) -> Iterator[Callable[[int], None]]:
    """Show on a terminal how far a file has been read; the function takes the rows done."""
    console = Console(stderr=True)
    columns = BarColumn(), TextColumn("{task.fields[rows]} rows"), TimeRemainingColumn()
    with Progress(*columns, console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task("", total=None, rows=0)

        def report(rows: int) -> None:
            fraction = stream.fraction()
            total = None if fraction is None else 1.0
            bar.update(task, completed=fraction or 0.0, total=total, rows=f"{rows:,}")

        yield report

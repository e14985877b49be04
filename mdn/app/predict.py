"""Predict p(y given x) for every row of a file, in the user's units, as a table."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypedDict, TypeGuard

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from mdn.app.claims import claimed_file
from mdn.app.predictor import Predictor
from mdn.app.table_writer import STANDARD_OUTPUT, TableWriter
from mdn.data.files import open_rows
from mdn.data.readers.reader import Reader
from mdn.data.table import ColumnKeys
from mdn.model.load import load
from mdn.model.prediction_columns import ColumnSettings


class DataConfig(TypedDict):
    """The file to read."""

    path: str


class PredictConfig(TypedDict):
    """The configuration of the command."""

    ckpt: str
    data: DataConfig
    out: str
    id: ColumnKeys
    columns: str | list[str]
    quantiles: object
    interval_level: float
    samples: int
    seed: int


def predict(config: PredictConfig) -> None:
    """Write the chosen columns for every row to `out`."""
    settings = column_settings(config)
    _check_seed(config["seed"])
    _check_not_itself(config["data"]["path"], config["out"])
    writer = TableWriter(config["out"])
    with claimed_file(writer.path, "predict"):
        _predict(config, settings, writer)


def _predict(config: PredictConfig, settings: ColumnSettings, writer: TableWriter) -> None:
    model = load(config["ckpt"])
    stream = open_rows(config["data"]["path"])
    predictor = Predictor.for_file(model, settings, stream, config["id"], config["seed"])
    with _reader_may_leave(config["out"]):
        rows = _write(predictor, stream, writer)
        # Standard output is for predictions alone.
        messages = sys.stderr if config["out"] == STANDARD_OUTPUT else sys.stdout
        print(f"{rows} rows predicted: {config['out']}", file=messages)
        for sentence in predictor.counts.sentences():
            print(sentence, file=sys.stderr)


def _write(predictor: Predictor, stream: Reader, writer: TableWriter) -> int:
    rows = 0
    with writer, progress(stream) as report:
        for table in predictor.tables(stream):
            writer.write(table)
            rows += table.num_rows
            report(rows)
    sys.stdout.flush()  # a reader that has left is noticed here
    return rows


@contextmanager
def _reader_may_leave(out: str) -> Iterator[None]:
    # `head` has seen enough at some point, which is no error.
    try:
        yield
    except BrokenPipeError:
        if out != STANDARD_OUTPUT:
            raise
        # What is still in the buffer would fail again at the end of the program.
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)


def column_settings(config: PredictConfig) -> ColumnSettings:
    """Return the columns that a configuration asks for; a single one needs no brackets.

    Raises:
        ValueError: on an unknown column, or a number out of range.
    """
    requested = _as_list(config["quantiles"])
    levels = [level for level in requested if _is_number(level)]
    if len(levels) < len(requested):
        raise ValueError(f"quantiles must be numbers from 0 to 1, got {config['quantiles']!r}")
    columns = [str(name) for name in _as_list(config["columns"])]
    return ColumnSettings(columns, levels, config["interval_level"], config["samples"])


def _as_list(value: object) -> list[object]:
    return list(value) if isinstance(value, list | tuple) else [value]


def _is_number(value: object) -> TypeGuard[int | float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _check_seed(seed: object) -> None:
    if not isinstance(seed, int) or seed < 0:
        raise ValueError(f"seed must be a whole number from 0 up, got {seed!r}")


def _check_not_itself(path: str, out: str) -> None:
    if out != STANDARD_OUTPUT and Path(path).resolve() == Path(out).resolve():
        raise ValueError(f"out is {out!r}, the file that is read; name another one")


@contextmanager
def progress(stream: Reader) -> Iterator[Callable[[int], None]]:
    """Show on a terminal how much of a file has been read; the function takes the rows done."""
    console = Console(stderr=True)
    columns = BarColumn(), TextColumn("{task.fields[rows]} rows"), TimeRemainingColumn()
    with Progress(*columns, console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task("", total=None, rows=0)

        def report(rows: int) -> None:
            fraction = stream.fraction()
            total = None if fraction is None else 1.0
            bar.update(task, completed=fraction or 0.0, total=total, rows=f"{rows:,}")

        yield report

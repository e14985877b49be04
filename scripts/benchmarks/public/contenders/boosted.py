"""CatBoost's Gaussian; it reads the files itself where a set has any, text and gaps as they are."""

from importlib import import_module
from typing import Any

from benchmarks.public.contenders.prediction import Machine, Prediction, stopwatch
from benchmarks.public.split import Split
from benchmarks.tables.boosted_gaussian import frames_of_files, one_gaussian
from mdn.data.table import Table


def predictions(split: Split, machine: Machine) -> Prediction:
    """Return one Gaussian a test row."""
    frames = frames_of_files(split.files) if split.files else _frames(split)
    targets = split.train.target_names
    with stopwatch() as seconds:
        mixture = one_gaussian(*frames, targets, machine.threads)
    return Prediction(mixture, seconds[0])


def _frames(split: Split) -> tuple[Any, Any]:
    return _frame(split.train), _frame(split.test)


def _frame(table: Table) -> Any:  # a frame of pandas, which is not installed everywhere
    pandas = import_module("pandas")
    inputs = pandas.DataFrame(table.x.numpy(), columns=table.input_names)
    return inputs.assign(**dict(zip(table.target_names, table.y.numpy().T, strict=True)))

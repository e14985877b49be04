"""The options of the benchmark's command line."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import torch


@dataclass(frozen=True)
class Options:
    """How to measure.

    Attributes:
        suite: the name of a suite, or "all".
        threads: numbers of threads; each is measured by itself.
        seconds: how long each contender runs in each case.
        device: where it runs.
        data: folder of CSV files; suite fit measures all of them too, target last, and the
            suites of problems those of theirs, wherever in it they are.
        splits: how many random splits suite density makes of each problem, how many of those of
            its protocol a public suite takes, and how often suite folds splits the rows into ten.
        problems: files of such a suite by name, with targets where it does not know them, as in
            "lane2" or "enb:y0+y1"; empty for the problems it knows.
        contenders: the contenders of suite density, empty for all, or of a public suite, empty
            for the default recipe alone.
        processes: how many jobs of a public suite run at once.
        docs: folder of the pages that the tables of a public suite are put into; None for none.
        out: folder of the CSV and JSON files.
    """

    suite: str = "all"
    threads: tuple[int, ...] = (1, 2)
    seconds: float = 0.5
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    data: Path | None = None
    splits: int = 10
    problems: tuple[str, ...] = ()
    contenders: tuple[str, ...] = ()
    processes: int = 2
    docs: Path | None = None
    out: Path = Path("outputs/benchmark")


def parse(arguments: Iterable[str]) -> Options:
    """Read `key=value` arguments.

    Raises:
        ValueError: on an unknown key, or a value that cannot be read.
    """
    return Options(**dict(_option(argument) for argument in arguments))


def _option(argument: str) -> tuple[str, Any]:
    key, equals, text = argument.partition("=")
    keys = [known.name for known in fields(Options)]
    if key not in keys or not equals:
        raise ValueError(f"got {argument!r}, wanted key=value with one of the keys {keys}")
    try:
        return key, _READERS[key](text)
    except (ValueError, RuntimeError) as error:
        raise ValueError(f"cannot read {argument!r}: {error}") from error


def _names(text: str) -> tuple[str, ...]:
    return tuple(text.split(","))


def _at_least_one(text: str) -> int:
    if int(text) < 1:
        raise ValueError("at least 1 is needed")
    return int(text)


_READERS: dict[str, Callable[[str], Any]] = {
    "suite": str,
    "threads": lambda text: tuple(int(number) for number in text.split(",")),
    "seconds": float,
    "device": torch.device,
    "data": Path,
    "splits": _at_least_one,
    "problems": _names,
    "contenders": _names,
    "processes": _at_least_one,
    "docs": Path,
    "out": Path,
}

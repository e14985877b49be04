"""What can be set on the command line of the benchmark."""

from collections.abc import Iterable
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import torch


@dataclass(frozen=True)
class Settings:
    """How to measure.

    Attributes:
        suite: the name of a suite, or "all".
        threads: numbers of threads, each measured by itself.
        seconds: how long each contender is given for each case.
        device: where it runs.
        data: folder of CSV files: suite fit measures all of them besides, target last; suite
            density those of its problems.
        splits: how often suite density parts the rows of a problem anew.
        problems: files of suite density by name, with their targets where it does not know them,
            as in "lane2" or "enb:y0+y1"; none for those it knows.
        contenders: who takes part in suite density; none for all.
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
    out: Path = Path("outputs/benchmark")


_READERS = {
    "suite": str,
    "threads": lambda text: tuple(int(number) for number in text.split(",")),
    "seconds": float,
    "device": torch.device,
    "data": Path,
    "splits": lambda text: _at_least_one(int(text)),
    "problems": lambda text: tuple(text.split(",")),
    "contenders": lambda text: tuple(text.split(",")),
    "out": Path,
}


def parse(arguments: Iterable[str]) -> Settings:
    """Read `key=value` arguments.

    Raises:
        ValueError: on a key that does not exist or a value that cannot be read.
    """
    return Settings(**dict(_setting(argument) for argument in arguments))


def _at_least_one(number: int) -> int:
    if number < 1:
        raise ValueError("at least 1 is needed")
    return number


def _setting(argument: str) -> tuple[str, Any]:
    key, equals, text = argument.partition("=")
    keys = [known.name for known in fields(Settings)]
    if key not in keys or not equals:
        raise ValueError(f"got {argument!r}, wanted key=value with one of the keys {keys}")
    try:
        return key, _READERS[key](text)
    except (ValueError, RuntimeError) as error:
        raise ValueError(f"cannot read {argument!r}: {error}") from error

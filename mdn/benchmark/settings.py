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
        data: folder of CSV files, target last, that suite fit is to measure besides.
        out: folder of the CSV and JSON files.
    """

    suite: str = "all"
    threads: tuple[int, ...] = (1, 2)
    seconds: float = 0.5
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    data: Path | None = None
    out: Path = Path("outputs/benchmark")


_READERS = {
    "suite": str,
    "threads": lambda text: tuple(int(number) for number in text.split(",")),
    "seconds": float,
    "device": torch.device,
    "data": Path,
    "out": Path,
}


def parse(arguments: Iterable[str]) -> Settings:
    """Read `key=value` arguments.

    Raises:
        ValueError: on a key that does not exist or a value that cannot be read.
    """
    return Settings(**dict(_setting(argument) for argument in arguments))


def _setting(argument: str) -> tuple[str, Any]:
    key, equals, text = argument.partition("=")
    keys = [known.name for known in fields(Settings)]
    if key not in keys or not equals:
        raise ValueError(f"got {argument!r}, wanted key=value with one of the keys {keys}")
    try:
        return key, _READERS[key](text)
    except (ValueError, RuntimeError) as error:
        raise ValueError(f"cannot read {argument!r}: {error}") from error

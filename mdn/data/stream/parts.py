"""Which rows of a stream belong to which part, told for each row on its own.

At random by a number drawn for the row, so it stays in its part when rows are added behind it; by a
hash of its group; by the column that names the part; or by time, cut where a sample of the times
suggests.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float64
from torch import Tensor

from mdn.data.splits.divide import Division
from mdn.data.splits.marks import GROUP, PART, PARTS, TIME, Marks, shares
from mdn.data.splits.settings import SplitBy
from mdn.data.splits.times import by_time
from mdn.data.stream.row_draws import row_draws
from mdn.data.stream.source import Chunk

_TIMES = 200_000
"""About how many times tell where to cut."""

ReadMarks = Callable[[], Iterator[Marks]]
"""Reads the marks of all rows, piece by piece."""


@dataclass(frozen=True)
class Part:
    """The rows whose number lies in an interval, and for which the rest holds.

    Attributes:
        begin: of the interval, from 0.
        end: of it, up to 1.
        seed: of the numbers.
        grouped: whether the number is one of the group, and not one of the row.
        code: of the part that they name; None for any.
        times: between which they are; None for any.
    """

    begin: float = 0.0
    end: float = 1.0
    seed: int = 0
    grouped: bool = False
    code: int | None = None
    times: tuple[float, float] | None = None

    def rows(self, chunk: Chunk) -> Bool[Tensor, " N"]:
        """Tell which rows belong to the part."""
        marks = chunk.table.marks
        inside = self._inside(chunk)
        if self.code is not None:
            inside = inside & (marks[PART] == self.code)
        if self.times is not None:
            begin, end = self.times
            inside = inside & (marks[TIME] >= begin) & (marks[TIME] < end)
        return inside

    def _inside(self, chunk: Chunk) -> Bool[Tensor, " N"]:
        if (self.begin, self.end) == (0.0, 1.0):
            return torch.ones(len(chunk.numbers), dtype=torch.bool)
        if self.grouped:
            drawn = shares(chunk.table.marks[GROUP], self.seed)
        else:
            drawn = row_draws(chunk.numbers, "part", self.seed)
        return (drawn >= self.begin) & (drawn < self.end)


def parts_of(division: Division, by: SplitBy, read: ReadMarks, rows: int) -> dict[str, Part]:
    """Return the parts of a stream.

    Args:
        division: fractions and seed.
        by: what rows are split by, in names of columns.
        read: reads the marks.
        rows: how many there are.

    Raises:
        ValueError: on what a row alone cannot tell.
    """
    _check(division, by)
    if by.time is not None:
        return _by_time(division, by, read, rows)
    if by.part is not None:
        return _by_name(division, read)
    return _by_draws(division, grouped=bool(by.groups))


def _by_draws(
    division: Division, grouped: bool = False, code: int | None = None
) -> dict[str, Part]:
    parts, begin = {}, 0.0
    for name, fraction in division.fractions.items():
        parts[name] = Part(begin, begin + fraction, division.seed, grouped, code)
        begin += fraction
    return parts | {"train": Part(begin, 1.0, division.seed, grouped, code)}


def _by_name(division: Division, read: ReadMarks) -> dict[str, Part]:
    codes = {code for marks in read() for code in marks[PART].unique().tolist()}
    named = {name: Part(code=code) for code, name in enumerate(PARTS) if code in codes}
    if "train" not in named:
        raise ValueError(f"{division.source}: no row is named train by `split_by`; mend the column")
    missing = {name: each for name, each in division.fractions.items() if name not in named}
    rest = Division(missing, division.seed, division.stratify, division.source)
    return named | _by_draws(rest, code=list(PARTS).index("train"))


def _by_time(division: Division, by: SplitBy, read: ReadMarks, rows: int) -> dict[str, Part]:
    times = _some_times(read, division.seed, rows)
    cut = by_time(times, division.fractions, by.gap_size)
    parts, end = {}, float("inf")
    for name in division.fractions:
        begin = float(times[cut[name]].min()) if len(cut[name]) else end
        parts[name] = Part(times=(begin, end))
        end = begin - by.gap_size
    return parts | {"train": Part(times=(float("-inf"), end))}


def _some_times(read: ReadMarks, seed: int, rows: int) -> Float64[Tensor, " N"]:
    found, start = [], 0
    for marks in read():
        times = marks[TIME]
        drawn = row_draws(torch.arange(start, start + len(times)), "times", seed)
        found.append(times[drawn < _TIMES / max(1, rows)])
        start += len(times)
    return torch.cat(found)


def _check(division: Division, by: SplitBy) -> None:
    if division.stratify is True:
        raise ValueError(
            "`stratify=True` sorts the targets, which are not in memory where rows are streamed; "
            "leave it out, as many rows are split alike, or set `stream=False`"
        )
    if by.groups and by.part is not None:
        raise ValueError(
            "`group_by` with `split_by` has groups compared between parts, which takes rows in "
            "memory; leave out one of them, or set `stream=False`"
        )

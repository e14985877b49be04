"""Time and memory of several ways to do the same work, taken in turns in one process.

On a shared machine speeds drift by the minute. Contenders therefore take turns of a few
milliseconds; a ratio is taken within each round, then its median over the rounds.
"""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Any

import torch
from torch.profiler import ProfilerActivity, profile

_TURN_SECONDS = 0.02
_LEAST_ROUNDS = 5


def _nothing() -> None: ...


@dataclass(frozen=True)
class Contender:
    """One way to do the work.

    Attributes:
        name: its name in the table.
        call: does the work once.
        prepare: runs before each turn, untimed.
    """

    name: str
    call: Callable[[], object]
    prepare: Callable[[], None] = field(default=_nothing)


@dataclass(frozen=True)
class Timing:
    """Seconds per call, round by round, of one contender and of the first."""

    seconds: torch.Tensor
    reference: torch.Tensor

    @property
    def median(self) -> float:
        """Return the median seconds per call."""
        return self.seconds.median().item()

    @property
    def spread(self) -> float:
        """Return the interquartile range over the median."""
        low, high = self.seconds.quantile(torch.tensor([0.25, 0.75], dtype=torch.float64))
        return ((high - low) / self.seconds.median()).item()

    @property
    def speedup(self) -> float:
        """Return how many times faster this contender is than the first: the median over rounds."""
        return (self.reference / self.seconds).median().item()


def race(contenders: list[Contender], seconds: float) -> list[Timing]:
    """Let contenders take turns for about `seconds` each; the first is the reference."""
    repeats = [_repeats(contender) for contender in contenders]
    rounds: list[list[float]] = []
    deadline = time.perf_counter() + seconds * len(contenders)
    while len(rounds) < _LEAST_ROUNDS or time.perf_counter() < deadline:
        rounds.append([_turn(c, n) for c, n in zip(contenders, repeats, strict=True)])
    times = torch.tensor(rounds, dtype=torch.float64)
    return [Timing(column, times[:, 0]) for column in times.T]


def _repeats(contender: Contender) -> int:
    _turn(contender, 3)  # the first call may compile
    return max(1, round(_TURN_SECONDS / _turn(contender, 3)))


def _turn(contender: Contender, repeats: int) -> float:
    contender.prepare()
    _synchronize()
    begin = time.perf_counter()
    for _ in range(repeats):
        contender.call()
    _synchronize()
    return (time.perf_counter() - begin) / repeats


def _synchronize() -> None:
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def peak_bytes(contender: Contender, device: torch.device) -> int:
    """Return the peak memory of a call, above what was in use before it."""
    contender.prepare()
    contender.call()
    return _peak_on_cuda(contender) if device.type == "cuda" else _peak_on_cpu(contender)


def _peak_on_cuda(contender: Contender) -> int:
    before = torch.cuda.memory_allocated()
    torch.cuda.reset_peak_memory_stats()
    contender.call()
    return torch.cuda.max_memory_allocated() - before


def _peak_on_cpu(contender: Contender) -> int:
    # Otherwise the profiler prints a greeting to standard error each time.
    os.environ.setdefault("KINETO_LOG_LEVEL", "6")
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as record:
        result = contender.call()
    assert result is not None, "the result of a call must be alive when the record ends"
    # The allocator's own reports, with compiled kernels; the public tables hold only sums.
    assert record.profiler is not None
    assert record.profiler.kineto_results is not None
    events: Any = record.profiler.kineto_results.events()
    changes = sorted((e.start_ns(), e.nbytes()) for e in events if e.name() == "[memory]")
    return max(accumulate((size for _, size in changes), initial=0))

"""Time and memory of several ways to do the same, taken in turns in one process.

On a shared machine speeds drift by the minute. Contenders therefore take turns of a few
milliseconds, and a ratio is formed within each round before its median is taken over the rounds.
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
    """One way to do it.

    Attributes:
        name: what the table calls it.
        call: does it once.
        prepare: run before each turn, untimed.
    """

    name: str
    call: Callable[[], object]
    prepare: Callable[[], None] = field(default=_nothing)


@dataclass(frozen=True)
class Timing:
    """Seconds a call of one contender, round by round, beside those of the first contender."""

    seconds: torch.Tensor
    reference: torch.Tensor

    @property
    def median(self) -> float:
        """Median seconds of a call."""
        return self.seconds.median().item()

    @property
    def spread(self) -> float:
        """Interquartile range over the median."""
        low, high = self.seconds.quantile(torch.tensor([0.25, 0.75], dtype=torch.float64))
        return ((high - low) / self.seconds.median()).item()

    @property
    def speedup(self) -> float:
        """Median over rounds of the first contender's time over this one's."""
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
    """Calls that fill a turn, found after a first call that may compile."""
    _turn(contender, 3)
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
    """The most memory in use at once during a call, beyond what was in use before it."""
    contender.prepare()
    contender.call()
    return _peak_on_cuda(contender) if device.type == "cuda" else _peak_on_cpu(contender)


def _peak_on_cuda(contender: Contender) -> int:
    before = torch.cuda.memory_allocated()
    torch.cuda.reset_peak_memory_stats()
    contender.call()
    return torch.cuda.max_memory_allocated() - before


def _peak_on_cpu(contender: Contender) -> int:
    # Or the profiler greets on standard error each time.
    os.environ.setdefault("KINETO_LOG_LEVEL", "6")
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as record:
        result = contender.call()
    assert result is not None, "what a call leaves must be alive when the record ends"
    # What the allocator reports, compiled kernels included; the public tables know only sums.
    events: Any = record.profiler.kineto_results.events()  # pyright: ignore[reportOptionalMemberAccess]
    changes = sorted((e.start_ns(), e.nbytes()) for e in events if e.name() == "[memory]")
    return max(accumulate((size for _, size in changes), initial=0))

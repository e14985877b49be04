"""Random numbers of a training step as a function of the seed, the step and the process.

They come from torch's own generators, by which dropout, noise and backbones of users draw. These
are seeded for each call of `training_step` and get their own state back behind it: a program
around the training finds its random numbers as it would without, for 2 microseconds a call on a
CPU. `torch.random.fork_rng` and `torch.manual_seed`, which look after all devices there may be,
take 100.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

import numpy as np
import torch

_STRIDE = 0x9E3779B97F4A7C15
"""Odd, so that no two of 2^32 steps have one seed; a CPU generator looks at its last 32 bits."""


@contextmanager
def step_draws(seed: int, step: int, process: int, device: torch.device) -> Iterator[None]:
    """Have all that is drawn inside depend on the arguments alone.

    Args:
        seed: of the run.
        step: the number of the call.
        process: the number of the process, each of which draws other numbers.
        device: where draws happen, besides the CPU.
    """
    generators = _generators(device)
    states = [each.get_state() for each in generators]
    number = (_first(seed, process) + step * _STRIDE) % 2**63
    for each in generators:
        each.manual_seed(number)
    try:
        yield
    finally:
        for each, state in zip(generators, states, strict=True):
            each.set_state(state)


@cache
def _first(seed: int, process: int) -> int:
    words = (int.from_bytes(b"step"), seed, process)
    return int(np.random.SeedSequence(words).generate_state(1, np.uint64)[0])


@cache
def _generators(device: torch.device) -> tuple[torch.Generator, ...]:
    own: tuple[torch.Generator, ...] = ()
    if device.type == "mps":
        own = (torch.mps._get_default_mps_generator(),)
    elif device.type != "cpu":
        own = (torch.get_device_module(device).default_generators[device.index or 0],)
    return (torch.default_generator, *own)

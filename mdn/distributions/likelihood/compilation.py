"""Where the closed form runs: as written, or through `torch.compile`."""

import warnings
from collections.abc import Callable
from typing import TypeVar

import torch
from torch import Tensor

from mdn.distributions.likelihood.closed import density, density_and_gradient, density_and_parts
from mdn.distributions.substitution import Substitution

Result = TypeVar("Result")

MOST_UNROLLED = 12
"""Targets beyond which compiling takes minutes and gains little: memory is the limit there."""

_compiled: dict[Callable, Callable] = {}


def use_compiled(wanted: bool) -> None:
    """Run likelihoods through `torch.compile` from now on, or as written.

    The first batch of each number of targets takes seconds to compile; numbers of rows and
    components may change freely after that. Where no compiler works, a warning says so once, and
    likelihoods run as written.
    """
    _compiled.clear()
    if wanted:
        functions = density, density_and_parts, density_and_gradient
        _compiled.update({f: torch.compile(f) for f in functions})


def run(
    function: Callable[..., Result], substitution: Substitution, y: Tensor, *tensors: Tensor
) -> Result:
    """Call a function of the closed form, compiled where that is wanted and possible."""
    compiled = _compiled.get(function)
    if compiled is None or y.shape[0] > MOST_UNROLLED:
        return function(substitution, y, *tensors)
    from torch._dynamo.exc import BackendCompilerFailed  # takes a second to import

    try:
        return compiled(substitution, y, *tensors)
    except BackendCompilerFailed as error:
        _compiled.clear()
        warnings.warn(_no_compiler(error), stacklevel=2)
        return function(substitution, y, *tensors)


def _no_compiler(error: Exception) -> str:
    reason = str(error).strip().splitlines()[0]
    return f"likelihoods run uncompiled, for there is no compiler that works: {reason}"

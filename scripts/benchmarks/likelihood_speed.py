"""Likelihood and gradient of a batch: torch.distributions, this project, and a copy of memory.

This project is measured eager and compiled, and each way twice: value and gradient at once, by
`log_prob_and_gradient`, and through autograd from `log_prob`, as in training.

Each contender starts from (logits, mu, std, lower) and ends with their gradients. This project
takes them with rows last, as its head makes them; torch.distributions takes targets last, its
fastest layout. The copy reads every input once and writes as many bytes as there are gradients,
which is the bound set by memory.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, partial
from itertools import product
from typing import Any

import torch
from torch import Tensor
from torch.distributions import (
    Categorical,
    Independent,
    MixtureSameFamily,
    MultivariateNormal,
    Normal,
)

from benchmarks.options import Options
from benchmarks.output import Row
from benchmarks.race import Contender, peak_bytes, race
from mdn.distributions.families import Family, every_family
from mdn.distributions.likelihood import log_prob_and_gradient, use_compiled
from mdn.distributions.mixture import GaussianMixture
from mdn.distributions.scale import Scale, lower_positions

SHAPES = [(256, 5, 1), (4096, 10, 2), (4096, 10, 8), (4096, 16, 8), (2048, 8, 16), (1024, 8, 32)]
"""Rows, components and targets; the first half for every family."""
LARGE = (1_000_000, 10, 4)
"""A further case on a GPU."""
FAMILIES = every_family(1e-3, std=0.5)


@dataclass(frozen=True)
class Batch:
    """Targets, the numbers of one mixture for each, and the gradient of the loss by log density."""

    y: Tensor
    logits: Tensor
    mu: Tensor
    scale: Scale
    grad_output: Tensor

    @cached_property
    def inputs(self) -> list[Tensor]:
        """Return every tensor that a network makes."""
        return [self.logits, self.mu, *self.scale.tensors()]

    @cached_property
    def learned(self) -> list[Tensor]:
        """Return the inputs that are not constant."""
        return [tensor for tensor in self.inputs if tensor.requires_grad]

    def gradients(self, log_prob: Tensor) -> tuple[Tensor | None, ...]:
        """Return the gradients of what is learned."""
        return torch.autograd.grad(log_prob, self.learned, self.grad_output, allow_unused=True)


def rows(options: Options) -> Iterator[Row]:
    """Yield a row for each case, number of threads and contender."""
    cases = [("full", shape) for shape in SHAPES]
    cases += product([name for name in FAMILIES if name != "full"], SHAPES[: len(SHAPES) // 2])
    cases += [("full", LARGE)] if options.device.type == "cuda" else []
    for (name, shape), threads in product(cases, options.threads):
        torch.set_num_threads(threads)
        case = dict(zip(("rows", "components", "targets"), shape, strict=True))
        for figures in measure(FAMILIES[name], *shape, options):
            yield {"family": name, **case, "threads": threads, **figures}


def measure(family: Family, n: int, k: int, d: int, options: Options) -> Iterator[Row]:
    """Yield the figures of each contender on one batch; the first is the reference."""
    torch.compiler.reset()
    contenders = contend(make_batch(family, n, k, d, options.device))
    timings = race(contenders, options.seconds)
    peaks = [peak_bytes(contender, options.device) for contender in contenders]
    for contender, timing, peak in zip(contenders, timings, peaks, strict=True):
        yield {
            "way": contender.name,
            "ms": 1e3 * timing.median,
            "spread": timing.spread,
            "speedup": timing.speedup,
            "copies": timing.median / timings[-1].median,
            "peak_mib": peak / 2**20,
            "peak_share": peak / peaks[0],
        }
    use_compiled(False)


def contend(batch: Batch) -> list[Contender]:
    """Return all ways to the same gradients, and the copy."""
    differentiated, at_once = partial(log_prob, batch), partial(gradients_at_once, batch)
    eager, compiled = (partial(use_compiled, on) for on in (False, True))
    theirs = targets_last(batch)
    return [
        Contender("torch.distributions", lambda: theirs.gradients(distributions_log_prob(theirs))),
        Contender("at once", at_once, eager),
        Contender("at once, compiled", at_once, compiled),
        Contender("autograd", lambda: batch.gradients(differentiated()), eager),
        Contender("autograd, compiled", lambda: batch.gradients(differentiated()), compiled),
        Contender("copy", lambda: [tensor.detach().clone() for tensor in batch.inputs]),
    ]


def make_batch(family: Family, n: int, k: int, d: int, device: torch.device) -> Batch:
    """Return random numbers with rows last in memory, as a head returns them."""
    generator = torch.Generator(device).manual_seed(0)
    draw: Any = partial(torch.randn, generator=generator, device=device)
    stored, columns = family.raw_shape(k, d)
    scale = family.scale(0.3 * draw(stored, columns, n).permute(2, 0, 1), d)
    batch = Batch(draw(n, d), draw(k, n), draw(d, k, n).permute(2, 1, 0), scale, draw(n) / n)
    learned = batch.inputs if stored else batch.inputs[:2]
    for tensor in learned:
        tensor.requires_grad_()
    return batch


def targets_last(batch: Batch) -> Batch:
    """Return the same numbers in the fastest layout for torch.distributions."""

    def copy(tensor: Tensor) -> Tensor:
        copied = tensor.detach().clone(memory_format=torch.contiguous_format)
        return copied.requires_grad_(tensor.requires_grad)

    logits, mu, scale = copy(batch.logits.mT), copy(batch.mu), batch.scale.map(copy)
    return Batch(batch.y, logits, mu, scale, batch.grad_output)


def log_prob(batch: Batch) -> Tensor:
    """Return this project's log density, for autograd to differentiate."""
    log_pi = batch.logits.log_softmax(0).mT
    return GaussianMixture(log_pi, batch.mu, batch.scale).log_prob(batch.y)


def gradients_at_once(batch: Batch) -> tuple[Tensor, ...]:
    """Return this project's gradients, computed together with the log density."""
    _, (grad_logits, *others) = log_prob_and_gradient(
        batch.y, batch.logits.mT, batch.mu, batch.scale, batch.grad_output
    )
    return grad_logits.mT, *others[: len(batch.learned) - 1]


def distributions_log_prob(batch: Batch) -> Tensor:
    """Return the log density by torch.distributions, from the same factor of the covariance.

    Arguments are validated explicitly: torch.compile, once used, switches that default off.
    """
    components = _independent if len(batch.scale.tensors()) == 1 else _correlated
    weights = Categorical(logits=batch.logits, validate_args=True)
    mixed = components(batch.mu, *batch.scale.tensors())
    return MixtureSameFamily(weights, mixed, validate_args=True).log_prob(batch.y)


def _independent(mu: Tensor, std: Tensor) -> Independent:
    return Independent(Normal(mu, std, validate_args=True), 1, validate_args=True)


def _correlated(mu: Tensor, std: Tensor, lower: Tensor) -> MultivariateNormal:
    tril = torch.diag_embed(std)
    rows, columns = lower_positions(std.shape[-1])
    tril[..., rows, columns] = lower
    return MultivariateNormal(mu, scale_tril=tril, validate_args=True)

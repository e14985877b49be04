"""Likelihood and gradient of one batch: torch.distributions, ours as written and compiled, a copy.

Ours is measured twice: value and gradient at once, by `log_prob_and_gradient`, and through autograd
from `log_prob`, as training and all objectives use it.

Each contender starts from (logits, mu, std, lower) and ends with their gradients. Ours takes them
with rows last, as its head makes them; torch.distributions with targets last, its own best
layout. The copy reads as many bytes as there are inputs and writes as many as there are
gradients: the bound that memory sets.
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

from benchmarks.measure import Contender, peak_bytes, race
from benchmarks.report import Row
from benchmarks.settings import Settings
from mdn.distributions.families import Family, every_family
from mdn.distributions.likelihood import log_prob_and_gradient, use_compiled
from mdn.distributions.mixture import GaussianMixture
from mdn.distributions.scale import Scale, lower_positions

SHAPES = [(256, 5, 1), (4096, 10, 2), (4096, 10, 8), (4096, 16, 8), (2048, 8, 16), (1024, 8, 32)]
"""Rows, components and targets; the first half for every family."""
LARGE = (1_000_000, 10, 4)
"""What a GPU is measured with besides."""
FAMILIES = every_family(1e-3, std=0.5)


@dataclass(frozen=True)
class Batch:
    """Targets, the numbers of one mixture for each, and the gradient from above."""

    y: Tensor
    logits: Tensor
    mu: Tensor
    scale: Scale
    above: Tensor

    @cached_property
    def inputs(self) -> list[Tensor]:
        """Everything that a network makes."""
        return [self.logits, self.mu, *self.scale.tensors()]

    @cached_property
    def learned(self) -> list[Tensor]:
        """All inputs but those that are constant."""
        return [tensor for tensor in self.inputs if tensor.requires_grad]

    def gradients(self, log_prob: Tensor) -> tuple[Tensor | None, ...]:
        """Of all that is learned."""
        return torch.autograd.grad(log_prob, self.learned, self.above, allow_unused=True)


def rows(settings: Settings) -> Iterator[Row]:
    """Every case, contender by contender."""
    cases = [("full", shape) for shape in SHAPES]
    cases += product([name for name in FAMILIES if name != "full"], SHAPES[: len(SHAPES) // 2])
    cases += [("full", LARGE)] if settings.device.type == "cuda" else []
    for (name, shape), threads in product(cases, settings.threads):
        torch.set_num_threads(threads)
        case = dict(zip(("rows", "components", "targets"), shape, strict=True))
        for figures in measure(FAMILIES[name], *shape, settings):
            yield {"family": name, **case, "threads": threads, **figures}


def measure(family: Family, n: int, k: int, d: int, settings: Settings) -> Iterator[Row]:
    """The figures of each contender on one batch; the first is the reference."""
    torch.compiler.reset()
    contenders = contend(make_batch(family, n, k, d, settings.device))
    timings = race(contenders, settings.seconds)
    peaks = [peak_bytes(contender, settings.device) for contender in contenders]
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
    """All ways to the same gradients, and the copy."""
    differentiated, at_once = partial(log_prob, batch), partial(gradients_at_once, batch)
    eager, compiled = (partial(use_compiled, wanted) for wanted in (False, True))
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
    """Random numbers with rows last in memory, as a head hands them out."""
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
    """The same numbers in the layout that torch.distributions is fastest with."""

    def copy(tensor: Tensor) -> Tensor:
        copied = tensor.detach().clone(memory_format=torch.contiguous_format)
        return copied.requires_grad_(tensor.requires_grad)

    return Batch(batch.y, copy(batch.logits.mT), copy(batch.mu), batch.scale.map(copy), batch.above)


def log_prob(batch: Batch) -> Tensor:
    """Ours, for autograd to differentiate."""
    log_pi = batch.logits.log_softmax(0).mT
    return GaussianMixture(log_pi, batch.mu, batch.scale).log_prob(batch.y)


def gradients_at_once(batch: Batch) -> tuple[Tensor, ...]:
    """Ours, of all that is learned, found together with the log density."""
    _, (by_logits, *others) = log_prob_and_gradient(
        batch.y, batch.logits.mT, batch.mu, batch.scale, batch.above
    )
    return by_logits.mT, *others[: len(batch.learned) - 1]


def distributions_log_prob(batch: Batch) -> Tensor:
    """Theirs, on the same factor of the covariance.

    Arguments are validated, as they are by default; torch.compile, once used, changes that default.
    """
    components = _independent if len(batch.scale.tensors()) == 1 else _correlated
    weights = Categorical(logits=batch.logits, validate_args=True)
    each = components(batch.mu, *batch.scale.tensors())
    return MixtureSameFamily(weights, each, validate_args=True).log_prob(batch.y)


def _independent(mu: Tensor, std: Tensor) -> Independent:
    return Independent(Normal(mu, std, validate_args=True), 1, validate_args=True)


def _correlated(mu: Tensor, std: Tensor, lower: Tensor) -> MultivariateNormal:
    tril = torch.diag_embed(std)
    rows, columns = lower_positions(std.shape[-1])
    tril[..., rows, columns] = lower
    return MultivariateNormal(mu, scale_tril=tril, validate_args=True)

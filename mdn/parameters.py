"""The numbers of a batch of Gaussian mixtures: what they are called, and how they are moved.

`GaussianMixture` adds what one asks of them. Each group of questions is a small class in
`mdn.questions` that stands on this one, so that a question reads `mixture.cdf(y)` and still lives
in a file of its own.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

import torch
from jaxtyping import Float
from torch import Tensor

from mdn.scale import Scale

# Not typing.Self: beartype takes it only where whole classes are decorated.
AnyMixture = TypeVar("AnyMixture", bound="MixtureParameters")

_NUMBERS_AT_ONCE = 2**24


@dataclass(frozen=True, eq=False)
class MixtureParameters(ABC):
    """Weights, means and scales of a batch of Gaussian mixtures.

    Attributes:
        log_pi: log weights; exp(log_pi) sums to one over the last axis.
        mu: component means.
        scale: the factor of each component's covariance.
    """

    log_pi: Float[Tensor, "*batch K"]
    mu: Float[Tensor, "*batch K D"]
    scale: Scale

    @property
    def pi(self) -> Float[Tensor, "*batch K"]:
        """Weights."""
        return self.log_pi.exp()

    @property
    def sigma(self) -> Float[Tensor, "*batch K D"]:
        """Standard deviation of each target under each component."""
        return self.scale.std.expand(self.mu.shape)

    @property
    def batch_shape(self) -> torch.Size:
        """`*batch`: how many mixtures this is."""
        return self.mu.shape[:-2]

    @property
    def num_components(self) -> int:
        """K."""
        return self.mu.shape[-2]

    @property
    def num_targets(self) -> int:
        """D."""
        return self.mu.shape[-1]

    @abstractmethod
    def component_log_prob(self, y: Float[Tensor, "*rows D"]) -> Float[Tensor, "*out K"]:
        """Log density of y under each component, in nats, without the weights."""

    @abstractmethod
    def log_prob(self, y: Float[Tensor, "*rows D"]) -> Float[Tensor, "*out"]:
        """Log density of y, in nats."""

    @abstractmethod
    def sample(
        self, shape: Sequence[int] = (), generator: torch.Generator | None = None
    ) -> Float[Tensor, "*out D"]:
        """Independent samples, [*shape, *batch, D], without gradient."""

    def sample_in_parts(
        self, num_samples: int, generator: torch.Generator | None = None
    ) -> Iterator[Float[Tensor, "*out D"]]:
        """Samples from each mixture, a bounded number at once, [part, *batch, D]."""
        at_once = max(1, _NUMBERS_AT_ONCE // max(1, self.mu.numel()))
        for start in range(0, num_samples, at_once):
            yield self.sample([min(at_once, num_samples - start)], generator)

    def affine(
        self: AnyMixture, factor: Float[Tensor, " D"], shift: Float[Tensor, " D"]
    ) -> AnyMixture:
        """The mixture of factor * y + shift, for a positive factor: a change of units."""
        wide = self.to(dtype=torch.promote_types(self.mu.dtype, factor.dtype))
        return type(self)(wide.log_pi, wide.mu * factor + shift, wide.scale.rescale(factor))

    def map(self: AnyMixture, function: Callable[[Tensor], Tensor]) -> AnyMixture:
        """The mixture with `function` applied to every stored tensor, as for `.to` or `.detach`."""
        return type(self)(function(self.log_pi), function(self.mu), self.scale.map(function))

    def to(
        self: AnyMixture,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> AnyMixture:
        """The mixture on another device or in another floating type.

        In a wider type the weights are normalised again: they sum to one as exactly as it can say.
        """
        moved = self.map(lambda stored: stored.to(device=device, dtype=dtype))
        if torch.finfo(moved.log_pi.dtype).eps >= torch.finfo(self.log_pi.dtype).eps:
            return moved
        return type(self)(normalized(moved.log_pi), moved.mu, moved.scale)

    def detach(self: AnyMixture) -> AnyMixture:
        """The mixture without gradients."""
        return self.map(Tensor.detach)

    def expand(self: AnyMixture, *batch: int) -> AnyMixture:
        """One mixture repeated, without a copy, for a batch of rows."""
        lead = len(self.batch_shape)

        def widen(stored: Tensor) -> Tensor:
            return stored.expand(*batch, *stored.shape[lead:])

        return type(self)(widen(self.log_pi), widen(self.mu), self.scale.map(widen))

    def flatten(self: AnyMixture) -> AnyMixture:
        """The same mixtures with one batch axis, also where there was none."""
        # Counted, for what is stored may have no numbers to infer a -1 from.
        lead, mixtures = len(self.batch_shape), self.batch_shape.numel()
        return self.map(lambda stored: stored.reshape(mixtures, *stored.shape[lead:]))

    def __getitem__(self: AnyMixture, index: int | slice | Tensor) -> AnyMixture:
        """Some mixtures of a batch: an index into its first axis."""
        return self.map(lambda stored: stored[index])

    def __len__(self) -> int:
        return len(self.mu)


def normalized(log_pi: Float[Tensor, "*batch K"]) -> Float[Tensor, "*batch K"]:
    """The log weights that sum to one."""
    return log_pi - log_pi.logsumexp(-1, keepdim=True)

"""The numbers of a batch of Gaussian mixtures: what they are called, and how they are moved.

`GaussianMixture` adds what one asks of them. Each group of questions is a small class in
`questions` that stands on this one, so that a question reads `mixture.cdf(y)` and still lives
in a file of its own.
"""

from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TypeVar

import torch
from jaxtyping import Float
from torch import Tensor

from mdn.distributions.abstract import Mixture
from mdn.distributions.indexing import Index, batch_index
from mdn.distributions.named_values import Values, numbers_of_targets
from mdn.distributions.origin import Origin
from mdn.distributions.scale import Scale
from mdn.distributions.target_names import Names, check_names

# Not typing.Self: beartype takes it only where whole classes are decorated.
AnyMixture = TypeVar("AnyMixture", bound="MixtureParameters")


@dataclass(frozen=True, eq=False, repr=False)
class MixtureParameters(Mixture):
    """Weights, means and scales of a batch of Gaussian mixtures.

    Attributes:
        log_pi: log weights; exp(log_pi) sums to one over the last axis.
        mu: component means.
        scale: the factor of each component's covariance.
        target_names: one for each target, by which questions find them; None for none.
        origin: the rows that a model was asked about; None where nobody says.
        guards: how many of the last components are a guard, which no network has learned. They are
            part of every density, but neither the most likely component nor what modes are sought
            from.

    Raises:
        TypeError: on names that are not a tuple of text.
        ValueError: on numbers in half precision, in which no density survives, and on names that
            are not one different name for each target; on a scale of other targets, or one whose
            tensors are not [*batch, K or 1, P].
    """

    log_pi: Float[Tensor, "*batch K"]
    mu: Float[Tensor, "*batch K D"]
    scale: Scale
    target_names: Names = None
    origin: Origin | None = field(default=None, kw_only=True)
    guards: int = field(default=0, kw_only=True)

    def __post_init__(self) -> None:
        if self.origin is not None:
            object.__setattr__(self, "origin", self.origin.fitting(self.mu.shape[:-2]))
        if self.target_names is not None:
            check_names(self.target_names, self.mu.shape[-1])
        if self.mu.dtype not in (torch.float32, torch.float64):
            raise ValueError(
                f"a mixture holds numbers in float32 or float64, got {self.mu.dtype}; a network "
                "may run in half precision, its mixture may not: use .to(dtype=torch.float32)"
            )
        if self.scale.num_targets != self.mu.shape[-1] or self.scale.substitution is None:
            _check_scale(self.scale, self.mu.shape)

    @property
    def sigma(self) -> Float[Tensor, "*batch K D"]:
        """Standard deviation of each target under each component."""
        return self.scale.std.expand(self.mu.shape)

    @property
    def batch_shape(self) -> torch.Size:
        return self.mu.shape[:-2]

    @property
    def num_components(self) -> int:
        return self.mu.shape[-2]

    @property
    def num_learned(self) -> int:
        """Components that are no guard, which come first."""
        return self.num_components - self.guards

    @property
    def num_targets(self) -> int:
        return self.mu.shape[-1]

    @abstractmethod
    def component_log_prob(self, y: Float[Tensor, "*rows D"]) -> Float[Tensor, "*out K"]:
        """Return the log density of y under each component, in nats, without the weights."""

    def properties(self) -> dict[str, str]:
        guard = {"guard": f"the last {self.guards} components"} if self.guards else {}
        return {"covariance": self.scale.structure(self.num_components), **guard}

    def affine(self: AnyMixture, factor: Values, shift: Values) -> AnyMixture:
        """Return the mixture of factor * y + shift, for positive factors: a change of units.

        Args:
            factor: one number for each target, read as `mdn.distributions.values` says.
            shift: the same.

        Raises:
            TypeError: on what is not real numbers.
            ValueError: on other than one finite number for each target, or a factor not above 0.
        """
        factor, shift = (_of_each(self, *v) for v in (("factor", factor), ("shift", shift)))
        if not torch.compiler.is_compiling() and not (factor > 0).all():
            raise ValueError(f"a change of units takes positive factors, got {factor.tolist()}")
        kind = torch.promote_types(torch.promote_types(self.mu.dtype, factor.dtype), shift.dtype)
        mixture = self if kind == self.mu.dtype else self.to(dtype=kind)
        scale = mixture.scale.rescale(factor)
        return replace(mixture, mu=mixture.mu * factor + shift, scale=scale)

    def map(self: AnyMixture, function: Callable[[Tensor], Tensor]) -> AnyMixture:
        """Return the mixture with `function` applied to every stored tensor, as `.detach` does.

        It may put rows into any order, so that the mixture's `origin` is left out.
        """
        log_pi, mu = function(self.log_pi), function(self.mu)
        return replace(self, log_pi=log_pi, mu=mu, scale=self.scale.map(function), origin=None)

    def to(
        self: AnyMixture,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> AnyMixture:
        """Return the mixture on another device or in another floating type.

        In a wider type the weights are normalized again: they sum to one as exactly as it can say.
        """
        moved = self.map(lambda stored: stored.to(device=device, dtype=dtype))
        if torch.finfo(moved.log_pi.dtype).eps >= torch.finfo(self.log_pi.dtype).eps:
            return moved.with_origin(self.origin)
        return replace(moved, log_pi=normalized(moved.log_pi), origin=self.origin)

    def detach(self: AnyMixture) -> AnyMixture:
        """Return the mixture without gradients."""
        return self.map(Tensor.detach).with_origin(self.origin)

    def expand(self: AnyMixture, *batch: int) -> AnyMixture:
        """Repeat one mixture, without a copy, for a batch of rows.

        Raises:
            ValueError: on a batch that this one cannot be repeated to.
        """
        lead = len(self.batch_shape)
        ends = zip(self.batch_shape, batch[max(len(batch) - lead, 0) :], strict=False)
        if len(batch) < lead or any(
            wanted != -1 and own not in (1, wanted) for own, wanted in ends
        ):
            raise ValueError(
                f"mixtures of batch shape {tuple(self.batch_shape)} cannot be repeated to {batch}; "
                "only axes of length 1, and new ones in front, can"
            )

        def widen(stored: Tensor) -> Tensor:
            return stored.expand(*batch, *stored.shape[lead:])

        return self._in_full().map(widen).with_origin(self.origin)

    def flatten(self: AnyMixture) -> AnyMixture:
        """Return the same mixtures with one batch axis, also where there was none."""
        # Counted, for what is stored may have no numbers to infer a -1 from.
        lead, mixtures = len(self.batch_shape), self.batch_shape.numel()
        flat = self._in_full().map(lambda stored: stored.reshape(mixtures, *stored.shape[lead:]))
        return flat.with_origin(self.origin and self.origin.flatten())

    def __getitem__(self: AnyMixture, index: Index) -> AnyMixture:
        """Some mixtures of a batch, by any index that NumPy takes of an array of its shape."""
        parts = batch_index(index, self.batch_shape)
        try:
            some = self._in_full().map(lambda stored: stored[parts])
            return some.with_origin(self.origin and self.origin.take(parts))
        except IndexError as error:
            shape = list(self.batch_shape)
            raise IndexError(f"mixtures of batch shape {shape}: {error}") from error

    def with_origin(self: AnyMixture, origin: Origin | None) -> AnyMixture:
        return self if origin is self.origin else replace(self, origin=origin)

    def component(self: AnyMixture, number: int) -> AnyMixture:
        if not 0 <= number < self.num_components:
            raise ValueError(
                f"component must be a number from 0 to {self.num_components - 1}, got {number!r}"
            )
        log_pi, mu = self.log_pi.new_zeros(()), self.mu[..., number, None, :]
        scale = self.scale.map(lambda v: v if v.shape[-2] == 1 else v[..., number, None, :])
        alone = replace(self, log_pi=log_pi.expand(mu.shape[:-1]), mu=mu, scale=scale, guards=0)
        return alone.with_origin(self.origin and self.origin.without_members())

    def _in_full(self: AnyMixture) -> AnyMixture:
        """The same mixtures, a scale that the batch shares repeated for each without a copy."""
        batch = self.batch_shape
        if all(stored.shape[:-2] == batch for stored in self.scale.tensors()):
            return self
        scale = self.scale.map(lambda stored: stored.expand(*batch, *stored.shape[-2:]))
        return replace(self, scale=scale)


def _check_scale(scale: Scale, shape: torch.Size) -> None:
    components, targets = shape[-2:]
    if scale.num_targets != targets:
        raise ValueError(
            f"a scale of {scale.num_targets} targets does not fit means of {targets}, of shape "
            f"{list(shape)}"
        )
    for stored in scale.tensors():
        if stored.ndim > len(shape) or stored.shape[-2] not in (1, components):
            raise ValueError(
                f"a {type(scale).__name__} stores a tensor of shape {list(stored.shape)}, which is "
                f"not [*batch, {components} or 1, numbers]: flatten its matrices"
            )


def _of_each(mixture: MixtureParameters, name: str, values: Values) -> Tensor:
    """One finite number for each target, on the mixture's device."""
    tensor = numbers_of_targets(values, name, mixture.target_names).to(mixture.mu.device)
    if torch.compiler.is_compiling():
        return tensor
    if tensor.shape != (mixture.num_targets,) or not tensor.isfinite().all():
        raise ValueError(
            f"{name} takes one finite number for each of {mixture.num_targets} targets, got shape "
            f"{tuple(tensor.shape)}: {tensor.tolist()}"
        )
    return tensor


def normalized(log_pi: Float[Tensor, "*batch K"]) -> Float[Tensor, "*batch K"]:
    """Normalize log weights, so that their exponentials sum to one."""
    return log_pi - log_pi.logsumexp(-1, keepdim=True)

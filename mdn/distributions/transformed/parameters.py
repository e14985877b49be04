"""A mixture on the learned scale and one transform per target, and how both are moved."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import NoReturn, TypeVar

import torch
from jaxtyping import Float
from torch import Tensor

from mdn.distributions.abstract import Mixture
from mdn.distributions.indexing import Index
from mdn.distributions.long_answers import names_of
from mdn.distributions.mixture import GaussianMixture
from mdn.distributions.origin import Origin
from mdn.distributions.overview import listed
from mdn.distributions.target_names import Names
from mdn.distributions.transformed.transforms import Transform

AnyTransformed = TypeVar("AnyTransformed", bound="TransformedParameters")

_REFUSED = {
    "mu": "ask mean, or base.mu for the means of components on that scale",
    "sigma": "ask std, or base.sigma for the standard deviations of components on that scale",
    "scale": "ask covariance, or base.scale for the factors of components on that scale",
    "affine": "change the units of the answers instead",
    "convolved": "ask on_learned_scale(lambda base: base.convolved(std))",
    "dispersed": "ask on_learned_scale(lambda base: base.dispersed(factor))",
    "completed": "ask observed_log_prob, or complete base",
    "project": "draw samples and project those",
    "entropy_bounds": "average -log_prob over samples instead",
    "kl_to": "base.kl_to(other.base) is the same divergence, where the transforms are the same",
    "kl_by_samples": "base.kl_by_samples(other.base) is the same, where the transforms are",
    "highest_density_region": "ask density_threshold() and compare log_prob with it",
    "variance_split": "pool the members along a batch axis and ask std_split()",
    "as_distribution": "ask it of base, and map what it draws by the transforms",
    "map": "ask on_learned_scale(lambda base: base.map(function))",
}
"""Answers of a Gaussian mixture that this one does not have, and what to do instead."""


class NotOnThisScale(ValueError, AttributeError):
    """An answer that holds for Gaussian mixtures, asked of a mixture on another scale."""


@dataclass(frozen=True, eq=False, repr=False)
class TransformedParameters(Mixture):
    """A batch of mixtures whose components are Gaussian on the scales of `transforms`.

    Attributes:
        base: the mixture on these scales.
        transforms: one for each target.

    Raises:
        ValueError: on another number of transforms than of targets.
    """

    base: GaussianMixture
    transforms: tuple[Transform, ...]
    log_pi: Float[Tensor, "*batch K"] = field(init=False)
    target_names: Names = field(init=False)
    origin: Origin | None = field(init=False)

    def __post_init__(self) -> None:
        if len(self.transforms) != self.base.num_targets:
            raise ValueError(
                f"one transform is needed for each of {self.base.num_targets} targets, got "
                f"{len(self.transforms)}"
            )
        object.__setattr__(self, "log_pi", self.base.log_pi)
        object.__setattr__(self, "target_names", self.base.target_names)
        object.__setattr__(self, "origin", self.base.origin)

    def __getattr__(self, name: str) -> NoReturn:
        if name not in _REFUSED:
            raise AttributeError(f"a {type(self).__name__} has no attribute {name!r}")
        raise NotOnThisScale(
            f"{name} is an answer of mixtures that are Gaussian on the scale of the targets, got "
            f"targets on {', '.join(map(str, self.transforms))}; {_REFUSED[name]}"
        )

    @property
    def batch_shape(self) -> torch.Size:
        return self.base.batch_shape

    @property
    def num_components(self) -> int:
        return self.base.num_components

    @property
    def guards(self) -> int:
        """How many of the last components are a guard, which no network has learned."""
        return self.base.guards

    @property
    def num_learned(self) -> int:
        """Components that are no guard, which come first."""
        return self.base.num_learned

    @property
    def num_targets(self) -> int:
        return self.base.num_targets

    def properties(self) -> dict[str, str]:
        names = names_of(self.target_names, self.num_targets)
        pairs = zip(self.transforms, names, strict=True)
        return {"Gaussian in": listed([t.label(name) for t, name in pairs])} | (
            self.base.properties()
        )

    def on_learned_scale(
        self: AnyTransformed, change: Callable[[GaussianMixture], GaussianMixture]
    ) -> AnyTransformed:
        """Return the mixture with another one on the learned scale, of the same targets."""
        return replace(self, base=change(self.base))

    def with_origin(self: AnyTransformed, origin: Origin | None) -> AnyTransformed:
        return replace(self, base=self.base.with_origin(origin))

    def component(self: AnyTransformed, number: int) -> AnyTransformed:
        return replace(self, base=self.base.component(number))

    def pool(self: AnyTransformed) -> AnyTransformed:
        return replace(self, base=self.base.pool())

    def prune(self: AnyTransformed, tolerance: float) -> AnyTransformed:
        return replace(self, base=self.base.prune(tolerance))

    def expand(self: AnyTransformed, *batch: int) -> AnyTransformed:
        return replace(self, base=self.base.expand(*batch))

    def flatten(self: AnyTransformed) -> AnyTransformed:
        """Return the same mixtures with one batch axis, also where there was none."""
        return replace(self, base=self.base.flatten())

    def detach(self: AnyTransformed) -> AnyTransformed:
        """Return the mixture without gradients."""
        return replace(self, base=self.base.detach())

    def to(
        self: AnyTransformed,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> AnyTransformed:
        return replace(self, base=self.base.to(device, dtype))

    def __getitem__(self: AnyTransformed, index: Index) -> AnyTransformed:
        return replace(self, base=self.base[index])

    def _each(self, function: Callable[[Transform, Tensor], Tensor], values: Tensor) -> Tensor:
        """Apply a function of each target's transform to its values."""
        columns = zip(self.transforms, values.unbind(-1), strict=True)
        return torch.stack([function(*column) for column in columns], -1)

    def learned(self, y: Float[Tensor, "*rows D"]) -> Float[Tensor, "*rows D"]:
        """Return values on the scales that they are learned on; infinite where impossible."""
        return self._each(lambda transform, values: transform.forward(values), y)

    def _inverse(self, z: Float[Tensor, "*rows D"]) -> Float[Tensor, "*rows D"]:
        return self._each(lambda transform, values: transform.inverse(values), z)

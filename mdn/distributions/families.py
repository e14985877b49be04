"""How raw numbers become a covariance: the families, and the only clamp.

A family is a rule with three directions. `scale` maps raw network outputs to a `Scale`; `raw`
inverts it, for a start from data and for resets; `project` maps any covariance onto the family,
which is the M-step of EM. A family without an exact M-step leaves out `project`, which then
refuses, and writes `nearest`, from which training starts. All standard deviations go through one
positive map,

    s = softplus(raw) + min_scale,

so `min_scale`, in units of the standardized target, is a floor that training cannot pass. In the
triangular family it bounds the conditional standard deviations, hence every variance.

Raw numbers have shape [*batch, R, C]: `raw_shape` tells R numbers for each of C columns, where C
is K, or 1 when all components share one scale.
"""

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar, Generic, TypeVar

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import softplus

from mdn.distributions.checks import check_one_of, check_positive
from mdn.distributions.open_settings import Grid, decided
from mdn.distributions.scale import (
    CovarianceFactor,
    DiagonalScale,
    PrecisionFactor,
    Scale,
    TriangularScale,
    lower_positions,
)
from mdn.distributions.triangular import floored_cholesky

AnyScale = TypeVar("AnyScale", bound=Scale)

_LEAST_SCALE = 1e-150
"""Its square is still a number with all of its digits, and so is the inverse of that."""


@dataclass(frozen=True)
class Family(ABC, Generic[AnyScale]):
    """A covariance family, whose scales are all of one kind.

    Attributes:
        min_scale: the smallest standard deviation, in units of the standardized target; "grid"
            has the grid of rounded targets decide it, before anything is trained.
    """

    min_scale: float | Grid = 1e-3

    def __post_init__(self) -> None:
        if self.min_scale == "grid":
            return
        try:
            check_positive("min_scale", self.min_scale)
        except ValueError as error:
            raise ValueError(f"{error}; it may also be grid") from None
        if not _LEAST_SCALE <= self.min_scale <= 1 / _LEAST_SCALE:
            raise ValueError(
                f"min_scale must lie between {_LEAST_SCALE:g} and {1 / _LEAST_SCALE:g}, because "
                f"variances are its square; got {self.min_scale!r}"
            )

    @property
    def floor(self) -> float:
        """`min_scale` as a number.

        Raises:
            ValueError: if it is still open.
        """
        return decided("min_scale", self.min_scale)

    @abstractmethod
    def raw_shape(self, num_components: int, num_targets: int) -> tuple[int, int]:
        """Return (R, C): how many raw numbers the family takes."""

    @abstractmethod
    def scale(self, raw: Float[Tensor, "*batch R C"], num_targets: int) -> AnyScale:
        """Return the scale that raw numbers stand for."""

    @abstractmethod
    def raw(self, scale: AnyScale) -> Float[Tensor, "*batch R C"]:
        """Return the raw numbers that stand for a scale of this family."""

    def project(
        self, covariance: Float[Tensor, "*batch K D D"], pi: Float[Tensor, "*batch K"]
    ) -> AnyScale:
        """Return the scale of maximum likelihood under these moments, EM's exact M-step.

        Args:
            covariance: each component's covariance, positive semi-definite.
            pi: weights, for families whose components share a scale.

        Raises:
            ValueError: from a family without an exact M-step.
        """
        raise ValueError(
            f"the family {type(self).__name__} has no exact M-step, which EM takes; train it by "
            "gradient descent, or write its project()"
        )

    def nearest(
        self, covariance: Float[Tensor, "*batch K D D"], pi: Float[Tensor, "*batch K"]
    ) -> AnyScale:
        """Return a scale of this family near these moments, for training to start from.

        Raises:
            ValueError: from a family that has neither this nor an exact M-step.
        """
        return self.project(covariance, pi)

    def moments(self, num_targets: int) -> tuple[list[int], list[int]]:
        """Return rows and columns of the covariance entries `project` looks at, each once."""
        rows, columns = lower_positions(num_targets)
        return [*range(num_targets), *rows], [*range(num_targets), *columns]

    def num_parameters(self, num_components: int, num_targets: int) -> int:
        """Count free parameters: the raw numbers, where no others mean the same covariance."""
        return math.prod(self.raw_shape(num_components, num_targets))

    def _positive(self, raw: Tensor) -> Tensor:
        return softplus(raw) + self.floor

    def _unpositive(self, std: Tensor) -> Tensor:
        above = (std - self.floor).clamp(min=1e-6 * self.floor)
        return above + torch.log(-torch.expm1(-above))

    def _floored(self, variance: Tensor) -> Tensor:
        return variance.clamp(min=self.floor**2).sqrt()


@dataclass(frozen=True)
class Full(Family[TriangularScale]):
    """Any symmetric positive definite covariance.

    Attributes:
        factor: "covariance" learns its Cholesky factor, "precision" regresses each target on
            those before it. The two span the same covariances and learn them differently.
    """

    factor: str = "covariance"

    _factors: ClassVar[dict[str, type[TriangularScale]]] = {
        "covariance": CovarianceFactor,
        "precision": PrecisionFactor,
    }

    def __post_init__(self) -> None:
        super().__post_init__()
        check_one_of("factor", self.factor, self._factors)

    def raw_shape(self, num_components: int, num_targets: int) -> tuple[int, int]:
        return num_targets * (num_targets + 1) // 2, num_components

    def scale(self, raw: Float[Tensor, "*batch R C"], num_targets: int) -> TriangularScale:
        # Split where the rows are last in memory: the gradient is put together again without a copy
        # from one layout to another.
        sizes = [num_targets, raw.shape[-2] - num_targets]
        diagonal, lower = raw.movedim((-2, -1), (0, 1)).split(sizes)
        stored = (part.movedim((1, 0), (-2, -1)) for part in (self._positive(diagonal), lower))
        return self._factors[self.factor](*stored)

    def raw(self, scale: TriangularScale) -> Float[Tensor, "*batch R C"]:
        return torch.cat([self._unpositive(scale.diagonal), scale.lower], -1).mT

    def project(
        self, covariance: Float[Tensor, "*batch K D D"], pi: Float[Tensor, "*batch K"]
    ) -> TriangularScale:
        return self._factors[self.factor].from_tril(floored_cholesky(covariance, self.floor))


@dataclass(frozen=True)
class Tied(Full):
    """One full covariance for all components."""

    def raw_shape(self, num_components: int, num_targets: int) -> tuple[int, int]:
        return super().raw_shape(1, num_targets)

    def project(
        self, covariance: Float[Tensor, "*batch K D D"], pi: Float[Tensor, "*batch K"]
    ) -> TriangularScale:
        pooled = (pi[..., None, None] * covariance).sum(-3, keepdim=True)
        return super().project(pooled, torch.ones_like(pi[..., :1]))


@dataclass(frozen=True)
class Uncorrelated(Family[DiagonalScale]):
    """What all families of uncorrelated targets have in common."""

    def scale(self, raw: Float[Tensor, "*batch R C"], num_targets: int) -> DiagonalScale:
        return DiagonalScale(self._positive(raw).mT, num_targets)

    def raw(self, scale: DiagonalScale) -> Float[Tensor, "*batch R C"]:
        return self._unpositive(scale.stored).mT

    def project(
        self, covariance: Float[Tensor, "*batch K D D"], pi: Float[Tensor, "*batch K"]
    ) -> DiagonalScale:
        variances = covariance.diagonal(dim1=-2, dim2=-1)
        return DiagonalScale(self._floored(self._pool(variances, pi)), variances.shape[-1])

    def moments(self, num_targets: int) -> tuple[list[int], list[int]]:
        return [*range(num_targets)], [*range(num_targets)]

    @abstractmethod
    def _pool(self, variances: Tensor, pi: Tensor) -> Tensor:
        """Variances [*batch, K, D] averaged to those the family stores."""


@dataclass(frozen=True)
class Diagonal(Uncorrelated):
    """One standard deviation per component and target."""

    def raw_shape(self, num_components: int, num_targets: int) -> tuple[int, int]:
        return num_targets, num_components

    def _pool(self, variances: Tensor, pi: Tensor) -> Tensor:
        return variances


@dataclass(frozen=True)
class Isotropic(Uncorrelated):
    """One standard deviation per component."""

    def raw_shape(self, num_components: int, num_targets: int) -> tuple[int, int]:
        return 1, num_components

    def _pool(self, variances: Tensor, pi: Tensor) -> Tensor:
        return variances.mean(-1, keepdim=True)


@dataclass(frozen=True)
class SharedIsotropic(Uncorrelated):
    """One standard deviation for all components."""

    def raw_shape(self, num_components: int, num_targets: int) -> tuple[int, int]:
        return 1, 1

    def _pool(self, variances: Tensor, pi: Tensor) -> Tensor:
        return (pi[..., None] * variances).sum(-2, keepdim=True).mean(-1, keepdim=True)


@dataclass(frozen=True)
class Constant(Uncorrelated):
    """One fixed standard deviation, never learned.

    Attributes:
        std: the standard deviation, in units of the standardized target; at least `min_scale`.
    """

    std: float = 0.2

    def __post_init__(self) -> None:
        super().__post_init__()
        check_positive("std", self.std)
        if self.min_scale != "grid" and self.std < self.floor:
            raise ValueError(
                f"std must be at least min_scale, got std {self.std} and min_scale "
                f"{self.min_scale}; raise the one or lower the other"
            )

    def raw_shape(self, num_components: int, num_targets: int) -> tuple[int, int]:
        return 0, 1

    def scale(self, raw: Float[Tensor, "*batch R C"], num_targets: int) -> DiagonalScale:
        return DiagonalScale(raw.new_full((*raw.shape[:-2], 1, 1), self.std), num_targets)

    def raw(self, scale: DiagonalScale) -> Float[Tensor, "*batch R C"]:
        return scale.stored.new_zeros(*scale.stored.shape[:-2], 0, 1)

    def _pool(self, variances: Tensor, pi: Tensor) -> Tensor:
        return torch.full_like(variances[..., :1, :1], self.std**2)


FAMILIES: dict[str, type[Family]] = {
    "full": Full,
    "tied": Tied,
    "diagonal": Diagonal,
    "isotropic": Isotropic,
    "shared_isotropic": SharedIsotropic,
    "constant": Constant,
}
"""Every family, by the name that checkpoints and conf/family/ give it; the one such list."""


def every_family(min_scale: float, std: float) -> dict[str, Family]:
    """Make one of each kind, with this floor and the constant one's `std`, to go through all."""
    each: dict[str, Family] = {name: kind(min_scale) for name, kind in FAMILIES.items()}
    precision, constant = Full(min_scale, factor="precision"), Constant(min_scale, std)
    return each | {"full_precision": precision, "constant": constant}

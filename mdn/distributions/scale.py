"""What a covariance is: a value with one stored factor.

Every covariance here is S = A A' for a lower triangular A, and everything a Gaussian is asked
follows from A: with z = A^-1 (y - mu), log N(y; mu, S) = -D/2 log 2 pi - log det A - |z|^2 / 2,
and mu + A e is a sample for standard normal e. A subclass stores A in the form that is cheapest
and easiest to learn; nothing else is kept beside it.

The two triangular factors differ in what multiplies the strictly lower entries. With s the
positive diagonal, solving A z = r for one target after the other reads

    covariance factor:  z_i = (r_i - sum_{j<i} L_ij z_j) / s_i      A = L, the Cholesky factor
    precision factor:   z_i = (r_i - sum_{j<i} B_ij r_j) / s_i      A = (I - B)^-1 diag(s)

In both, s_i is the standard deviation of target i given those before it, so a floor on s bounds
every variance and the determinant from below. The second is the modified Cholesky factor of the
precision: each target regressed on those before it (Williams 1996; Pourahmadi 1999).

Shapes: K components, D targets, any leading batch axes; an axis of length 1 is shared.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import torch
from jaxtyping import Float
from torch import Tensor

from mdn.distributions.normal import farthest
from mdn.distributions.triangular import lower_factor

# Not typing.Self: beartype takes it only where whole classes are decorated.
AnyScale = TypeVar("AnyScale", bound="Scale")
AnyTriangular = TypeVar("AnyTriangular", bound="TriangularScale")


class Scale(ABC):
    """The factor A of a covariance A A', for a batch of K components over D targets."""

    @property
    @abstractmethod
    def num_targets(self) -> int:
        """D."""

    @abstractmethod
    def whiten(self, residual: Float[Tensor, "*batch K D"]) -> Float[Tensor, "*out K D"]:
        """A^-1 residual; beyond `mdn.distributions.normal.farthest` it may be held there."""

    def whiten_far(self, residual: Float[Tensor, "*batch K D"]) -> Float[Tensor, "*out K D"]:
        """A^-1 residual, right however long it is; held at the largest number of its type."""
        largest = torch.finfo(residual.dtype).max
        whitened, unit = self.whiten_in_units(residual)
        return (whitened * unit).clamp(-largest, largest)

    def whiten_in_units(
        self, residual: Float[Tensor, "*batch K D"]
    ) -> tuple[Float[Tensor, "*out K D"], Float[Tensor, "*out K 1"]]:
        """A^-1 residual in a unit that leaves room to compute, and the unit.

        It is 1 unless the residual, or its ratio to the smallest entry of A, is very large.
        """
        room = farthest(residual.dtype) ** 0.5
        longest = residual.detach().abs().amax(-1, keepdim=True) / room
        ratio = longest / self.smallest().detach()[..., None]
        unit = torch.maximum(longest, ratio).clamp(1, torch.finfo(residual.dtype).max)
        return self.whiten(residual / unit), unit

    @abstractmethod
    def colour(self, noise: Float[Tensor, "*batch K D"]) -> Float[Tensor, "*out K D"]:
        """A noise: the inverse of `whiten`."""

    @abstractmethod
    def log_det(self) -> Float[Tensor, "*batch K"]:
        """The log determinant of A, half that of the covariance."""

    @abstractmethod
    def smallest(self) -> Float[Tensor, "*batch K"]:
        """The smallest diagonal entry of A: the number that `min_scale` bounds from below."""

    @abstractmethod
    def rescale(self, factor: Float[Tensor, " D"]) -> "Scale":
        """The scale of diag(factor) y, for a positive factor: a change of units."""

    @abstractmethod
    def select(self, dims: Sequence[int]) -> "Scale":
        """The scale of some targets, in the order given."""

    @abstractmethod
    def given(self, first: int) -> "Scale":
        """The scale of the targets after the first ones, given those: the last block of A."""

    @property
    def correlated(self) -> bool:
        """Whether standard deviations alone do not tell the covariance."""
        return self.num_targets > 1

    @abstractmethod
    def tril(self) -> Float[Tensor, "*batch K D D"]:
        """A as dense lower triangular matrices."""

    def covariance(self) -> Float[Tensor, "*batch K D D"]:
        """A A'."""
        tril = self.tril()
        return tril @ tril.mT

    @property
    def std(self) -> Float[Tensor, "*batch K D"]:
        """Standard deviation of each target: the root of the covariance diagonal."""
        tril = self.tril()
        # In units of the diagonal, or the squares of what is tiny or huge would be 0 or infinite.
        diagonal = tril.diagonal(dim1=-2, dim2=-1).contiguous()
        return diagonal * torch.linalg.vector_norm(tril / diagonal[..., None], dim=-1)

    def tensors(self) -> tuple[Tensor, ...]:
        """What is stored, each [*batch, K or 1, P]."""
        return tuple(value for value in vars(self).values() if isinstance(value, Tensor))

    def map(self: AnyScale, function: Callable[[Tensor], Tensor]) -> AnyScale:
        """The same kind of scale with `function` applied to each stored tensor [*batch, K, P]."""
        values = vars(self).values()
        return type(self)(*(function(v) if isinstance(v, Tensor) else v for v in values))

    def take(self: AnyScale, component: Tensor) -> AnyScale:
        """The scale of one chosen component a row: `component` [*shape, *batch], result K = 1."""

        def pick(stored: Tensor) -> Tensor:
            index = component[..., None, None].clamp(max=stored.shape[-2] - 1)
            stored = stored[(None,) * (index.ndim - stored.ndim)]
            return stored.take_along_dim(index, dim=-2)

        return self.map(pick)


@dataclass(frozen=True, eq=False)
class DiagonalScale(Scale):
    """A diagonal factor: one standard deviation per target, or one for all of them.

    Attributes:
        stored: standard deviations, [*batch, K or 1, D or 1]; a length of 1 is shared.
        targets: D, which a shared standard deviation does not tell.
    """

    stored: Float[Tensor, "*batch K P"]
    targets: int

    @property
    def correlated(self) -> bool:
        return False

    @property
    def num_targets(self) -> int:
        return self.targets

    def whiten(self, residual: Float[Tensor, "*batch K D"]) -> Float[Tensor, "*out K D"]:
        return residual / self.stored

    def colour(self, noise: Float[Tensor, "*batch K D"]) -> Float[Tensor, "*out K D"]:
        return noise * self.stored

    def tril(self) -> Float[Tensor, "*batch K D D"]:
        return self.std.diag_embed()

    def log_det(self) -> Float[Tensor, "*batch K"]:
        return self.stored.log().sum(-1) * (self.targets // self.stored.shape[-1])

    def smallest(self) -> Float[Tensor, "*batch K"]:
        return self.stored.amin(-1)

    def rescale(self, factor: Float[Tensor, " D"]) -> "DiagonalScale":
        return DiagonalScale(self.stored * factor, self.targets)

    def select(self, dims: Sequence[int]) -> "DiagonalScale":
        shared = self.stored.shape[-1] == 1
        return DiagonalScale(self.stored if shared else self.stored[..., list(dims)], len(dims))

    def given(self, first: int) -> "DiagonalScale":
        return self.select(range(first, self.targets))

    @property
    def std(self) -> Float[Tensor, "*batch K D"]:
        return self.stored.expand(*self.stored.shape[:-1], self.targets)


@dataclass(frozen=True, eq=False)
class TriangularScale(Scale):
    """A factor with a positive diagonal and strictly lower entries, packed column by column.

    Attributes:
        diagonal: conditional standard deviations s, [*batch, K or 1, D].
        lower: strictly lower entries, [*batch, K or 1, D (D - 1) / 2]: those of column 0 from
            row 1 down, then those of column 1 from row 2 down, and so on.
    """

    diagonal: Float[Tensor, "*batch K D"]
    lower: Float[Tensor, "*batch K P"]

    @classmethod
    @abstractmethod
    def from_tril(cls: type[AnyTriangular], tril: Float[Tensor, "*batch K D D"]) -> AnyTriangular:
        """The same covariance from the dense Cholesky factor."""

    @property
    def num_targets(self) -> int:
        return self.diagonal.shape[-1]

    def colour(self, noise: Float[Tensor, "*batch K D"]) -> Float[Tensor, "*out K D"]:
        return (self.tril() @ noise[..., None]).squeeze(-1)

    def select(self, dims: Sequence[int]) -> "CovarianceFactor":
        return CovarianceFactor.from_tril(lower_factor(self.tril()[..., list(dims), :]))

    def given(self, first: int) -> "TriangularScale":
        return self.from_tril(self.tril()[..., first:, first:])

    def strict(self) -> Float[Tensor, "*batch K D D"]:
        """The strictly lower entries as dense matrices."""
        rows, columns = lower_positions(self.num_targets)
        dense = self.lower.new_zeros(*self.lower.shape[:-1], self.num_targets, self.num_targets)
        dense[..., rows, columns] = self.lower
        return dense

    def log_det(self) -> Float[Tensor, "*batch K"]:
        return self.diagonal.log().sum(-1)

    def smallest(self) -> Float[Tensor, "*batch K"]:
        return self.diagonal.amin(-1)


@dataclass(frozen=True, eq=False)
class CovarianceFactor(TriangularScale):
    """The Cholesky factor L of the covariance: A = L."""

    @classmethod
    def from_tril(cls: type[AnyTriangular], tril: Float[Tensor, "*batch K D D"]) -> AnyTriangular:
        return cls(tril.diagonal(dim1=-2, dim2=-1), _pack(tril))

    def whiten(self, residual: Float[Tensor, "*batch K D"]) -> Float[Tensor, "*out K D"]:
        # Far outside any sensible range substitutions grow without bound.
        bound = farthest(residual.dtype)
        strict, rest, whitened = self.strict(), residual, []
        for j in range(self.num_targets):
            solved = (rest[..., :1] / self.diagonal[..., j : j + 1]).clamp(-bound, bound)
            whitened.append(solved)
            rest = rest[..., 1:] - strict[..., j + 1 :, j] * solved
        return torch.cat(whitened, -1)

    def tril(self) -> Float[Tensor, "*batch K D D"]:
        return self.strict() + self.diagonal.diag_embed()

    def rescale(self, factor: Float[Tensor, " D"]) -> "CovarianceFactor":
        rows, _ = lower_positions(self.num_targets)
        return CovarianceFactor(self.diagonal * factor, self.lower * factor[rows])


@dataclass(frozen=True, eq=False)
class PrecisionFactor(TriangularScale):
    """Each target regressed on those before it: A = (I - B)^-1 diag(s)."""

    @classmethod
    def from_tril(cls: type[AnyTriangular], tril: Float[Tensor, "*batch K D D"]) -> AnyTriangular:
        diagonal = tril.diagonal(dim1=-2, dim2=-1)
        identity = torch.eye(tril.shape[-1], dtype=tril.dtype, device=tril.device)
        inverse = torch.linalg.solve_triangular(tril, identity.expand_as(tril), upper=False)
        return cls(diagonal, _pack(-inverse * diagonal[..., None]))

    def whiten(self, residual: Float[Tensor, "*batch K D"]) -> Float[Tensor, "*out K D"]:
        explained = (self.strict() @ residual[..., None]).squeeze(-1)
        return (residual - explained) / self.diagonal

    def tril(self) -> Float[Tensor, "*batch K D D"]:
        # (I - B)^-1 = (I + B)(I + B^2)(I + B^4)..., finite as powers of B end in zero: a product
        # where a triangular solve would do, because ONNX has no triangular solve.
        power = self.strict()
        identity = torch.eye(self.num_targets, dtype=power.dtype, device=power.device)
        inverse = identity + power
        for _ in range((self.num_targets - 1).bit_length() - 1):
            power = power @ power
            inverse = inverse @ (identity + power)
        return inverse * self.diagonal[..., None, :]

    def rescale(self, factor: Float[Tensor, " D"]) -> "PrecisionFactor":
        rows, columns = lower_positions(self.num_targets)
        return PrecisionFactor(
            self.diagonal * factor, self.lower * (factor[rows] / factor[columns])
        )


def lower_positions(num_targets: int) -> tuple[list[int], list[int]]:
    """Row and column of each packed strictly lower entry, column by column."""
    pairs = [(i, j) for j in range(num_targets) for i in range(j + 1, num_targets)]
    return [i for i, _ in pairs], [j for _, j in pairs]


def _pack(matrix: Float[Tensor, "*batch D D"]) -> Float[Tensor, "*batch P"]:
    rows, columns = lower_positions(matrix.shape[-1])
    return matrix[..., rows, columns]

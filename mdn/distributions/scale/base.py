"""What every scale answers, and the Cholesky factor that those fall back on who say no more."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from typing import NoReturn, TypeVar

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from mdn.distributions.convolved_factor import convolved_factor, packed_columns
from mdn.distributions.lower_entries import lower_entries, lower_positions
from mdn.distributions.masked_factor import masked_factor
from mdn.distributions.normal import farthest
from mdn.distributions.substitution import COVARIANCE, DIAGONAL, Substitution
from mdn.distributions.triangular import lower_factor, solve_lower

# Not typing.Self: beartype takes it only where whole classes are decorated.
AnyScale = TypeVar("AnyScale", bound="Scale")
AnyTriangular = TypeVar("AnyTriangular", bound="TriangularScale")


@dataclass(frozen=True, eq=False)
class Scale(ABC):
    """The factor A of a covariance A A', for a batch of K components over D targets.

    A kind of scale is a frozen dataclass whose tensors are each [*batch, K or 1, P], matrices
    flattened, so that batches and components are picked alike from all. `num_targets` and `tril`
    are enough: every other answer follows from the dense factor until it is written.
    """

    @property
    @abstractmethod
    def num_targets(self) -> int:
        """D."""

    @abstractmethod
    def tril(self) -> Float[Tensor, "*batch K D D"]:
        """Return A as dense lower triangular matrices with a positive diagonal."""

    @property
    def substitution(self) -> Substitution | None:
        """How the likelihood solves A in closed form; None has it take the plain formula.

        With a substitution, the first tensor stored holds standard deviations and the second, where
        there is one, strictly lower entries.
        """
        return None

    @property
    def correlated(self) -> bool:
        """Whether standard deviations alone do not tell the covariance."""
        return self.num_targets > 1

    @property
    def shape(self) -> str:
        """What the covariance of a component may be, in the words of the families."""
        return "full" if self.correlated else "diagonal"

    def structure(self, num_components: int) -> str:
        """Return in words what the covariances of components may be, and whether they share one."""
        shared = num_components > 1 and all(v.shape[-2] == 1 for v in self.tensors())
        if self.num_targets == 1:
            return f"one variance for {'all components' if shared else 'each component'}"
        return f"{self.shape}, one for all components" if shared else self.shape

    def whiten(self, residual: Float[Tensor, "*batch K D"]) -> Float[Tensor, "*out K D"]:
        """Return A^-1 residual; beyond `mdn.distributions.normal.farthest` it may be held there."""
        tril = self.tril()
        return solve_lower(tril, tril.diagonal(dim1=-2, dim2=-1), residual)

    def whiten_far(self, residual: Float[Tensor, "*batch K D"]) -> Float[Tensor, "*out K D"]:
        """Return A^-1 residual, right at any length; held at the largest number of its type."""
        largest = torch.finfo(residual.dtype).max
        whitened, unit = self.whiten_in_units(residual)
        return (whitened * unit).clamp(-largest, largest)

    def whiten_in_units(
        self, residual: Float[Tensor, "*batch K D"]
    ) -> tuple[Float[Tensor, "*out K D"], Float[Tensor, "*out K 1"]]:
        """Return A^-1 residual in a unit that leaves room to compute, and the unit.

        It is 1 unless the residual, or its ratio to the smallest entry of A, is very large.
        """
        room = farthest(residual.dtype) ** 0.5
        longest = residual.detach().abs().amax(-1, keepdim=True) / room
        ratio = longest / self.smallest().detach()[..., None]
        unit = torch.maximum(longest, ratio).clamp(1, torch.finfo(residual.dtype).max)
        return self.whiten(residual / unit), unit

    def color(self, noise: Float[Tensor, "*batch K D"]) -> Float[Tensor, "*out K D"]:
        """Return A noise, the inverse of `whiten`."""
        return (self.tril() @ noise[..., None]).squeeze(-1)

    def log_det(self) -> Float[Tensor, "*batch K"]:
        """Return the log determinant of A: half the log determinant of the covariance."""
        return self.tril().diagonal(dim1=-2, dim2=-1).log().sum(-1)

    def smallest(self) -> Float[Tensor, "*batch K"]:
        """Return the smallest diagonal entry of A, the number that `min_scale` bounds."""
        return self.tril().diagonal(dim1=-2, dim2=-1).amin(-1)

    def rescale(self, factor: Float[Tensor, " D"]) -> "Scale":
        """Return the scale of diag(factor) y, for a positive factor: a change of units."""
        return CovarianceFactor.from_tril(self.tril() * factor[:, None])

    def select(self, dims: Sequence[int]) -> "Scale":
        """Return the scale of some targets, in the order given."""
        return CovarianceFactor.from_tril(lower_factor(self.tril()[..., list(dims), :]))

    def masked(self, there: Bool[Tensor, "*rows D"]) -> "Scale":
        """Return the scale in which targets that a row lacks are independent standard normals.

        Args:
            there: which targets each row has; its leading axes broadcast against the batch.
        """
        return CovarianceFactor.from_tril(self.tril()).masked(there)

    def given(self, first: int) -> "Scale":
        """Return the scale of the targets after the first ones, given those: A's last block."""
        return CovarianceFactor.from_tril(self.tril()[..., first:, first:])

    def convolved(self, std: float) -> "Scale":
        """Return the scale of the covariance plus std^2 I, for a `std` above 0.

        It is as exact as the scale itself, however small its diagonal is.
        """
        return CovarianceFactor.from_tril(self.tril()).convolved(std)

    def covariance(self) -> Float[Tensor, "*batch K D D"]:
        """Return A A'."""
        tril = self.tril()
        return tril @ tril.mT

    @property
    def std(self) -> Float[Tensor, "*batch K D"]:
        """Standard deviation of each target: the root of the covariance diagonal."""
        tril = self.tril()
        # In units of the diagonal, or the squares of what is tiny or huge would be 0 or infinite.
        diagonal = tril.diagonal(dim1=-2, dim2=-1).contiguous()
        return diagonal * torch.linalg.vector_norm(tril / diagonal[..., None], dim=-1)

    def natural_mean(self, gradient: Float[Tensor, "*batch K D"]) -> Float[Tensor, "*batch K D"]:
        """Return the natural gradient of the means: the covariance times the gradient."""
        tril = self.tril()
        return (tril @ (tril.mT @ gradient[..., None])).squeeze(-1)

    def natural_gradient(self, gradient: Sequence[Tensor]) -> tuple[Tensor, ...]:
        """Return the natural gradient of what is stored, from the gradient of each tensor.

        Raises:
            ValueError: from a kind of scale that does not know its Fisher information.
        """
        raise ValueError(
            f"the Fisher information of a {type(self).__name__} is not known; write its "
            "natural_gradient, or train with another objective"
        )

    def tensors(self) -> tuple[Tensor, ...]:
        """Return what is stored, each [*batch, K or 1, P]."""
        return tuple(value for value in self._stored() if isinstance(value, Tensor))

    def map(self: AnyScale, function: Callable[[Tensor], Tensor]) -> AnyScale:
        """Return the same kind of scale, `function` applied to each stored tensor."""
        values = (function(v) if isinstance(v, Tensor) else v for v in self._stored())
        return type(self)(*values)

    def take(self: AnyScale, component: Tensor) -> AnyScale:
        """Return the scale of one component a row: `component` [*shape, *batch], result K = 1."""

        def pick(stored: Tensor) -> Tensor:
            index = component[..., None, None].clamp(max=stored.shape[-2] - 1)
            stored = stored[(None,) * (index.ndim - stored.ndim)]
            return stored.take_along_dim(index, dim=-2)

        return self.map(pick)

    def _stored(self) -> list[object]:
        return [getattr(self, field.name) for field in fields(self)]


def refuse_subclass(parent: str, cls: type) -> NoReturn:
    """Refuse a class that would inherit a closed form of the likelihood that is not its own."""
    raise TypeError(
        f"{cls.__name__} must not derive from {parent}, whose closed form of the likelihood it "
        "would inherit; derive from Scale"
    )


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
        """Return the same covariance from the dense Cholesky factor."""

    @property
    def num_targets(self) -> int:
        return self.diagonal.shape[-1]

    def given(self, first: int) -> "TriangularScale":
        return self.from_tril(self.tril()[..., first:, first:])

    def convolved(self, std: float) -> "TriangularScale":
        if self.num_targets == 1:
            return type(self)(torch.hypot(self.diagonal, self.diagonal.new_tensor(std)), self.lower)
        diagonal, lower = (each.movedim((-1, -2), (0, 1)) for each in (self.diagonal, self.lower))
        columns = self._covariance_columns(diagonal, packed_columns(lower, self.num_targets))
        lengths, rotated = convolved_factor(diagonal, columns, std)
        found = (torch.stack(lengths), torch.cat(rotated))
        return CovarianceFactor(*(each.movedim((0, 1), (-1, -2)) for each in found))

    @abstractmethod
    def _covariance_columns(self, diagonal: Tensor, columns: Sequence[Tensor]) -> Sequence[Tensor]:
        """What A has below its diagonal, from what is stored, rows last."""

    def strict(self) -> Float[Tensor, "*batch K D D"]:
        """Return the strictly lower entries as dense matrices."""
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

    def __init_subclass__(cls) -> None:
        refuse_subclass("CovarianceFactor", cls)

    @classmethod
    def from_tril(cls: type[AnyTriangular], tril: Float[Tensor, "*batch K D D"]) -> AnyTriangular:
        return cls(tril.diagonal(dim1=-2, dim2=-1), lower_entries(tril))

    @property
    def substitution(self) -> Substitution:
        # One target has no lower entries: every factor is its diagonal.
        return COVARIANCE if self.num_targets > 1 else DIAGONAL

    def whiten(self, residual: Float[Tensor, "*batch K D"]) -> Float[Tensor, "*out K D"]:
        return solve_lower(self.strict(), self.diagonal, residual)

    def tril(self) -> Float[Tensor, "*batch K D D"]:
        return self.strict() + self.diagonal.diag_embed()

    def rescale(self, factor: Float[Tensor, " D"]) -> "CovarianceFactor":
        rows, _ = lower_positions(self.num_targets)
        return CovarianceFactor(self.diagonal * factor, self.lower * factor[rows])

    def _covariance_columns(self, diagonal: Tensor, columns: Sequence[Tensor]) -> Sequence[Tensor]:
        return columns

    def masked(self, there: Bool[Tensor, "*rows D"]) -> "CovarianceFactor":
        return CovarianceFactor(*masked_factor(self.diagonal, self.lower, there))

    def natural_gradient(self, gradient: Sequence[Tensor]) -> tuple[Tensor, ...]:
        tril = self.tril()
        step = (tril.mT @ CovarianceFactor(*gradient).tril()).tril()
        halved = step - 0.5 * step.diagonal(dim1=-2, dim2=-1).diag_embed()
        return CovarianceFactor.from_tril(tril @ halved).tensors()

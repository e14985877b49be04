"""How each kind of factor is solved, and a gradient pulled back through the solution.

All tensors are [P, K, *rows]: what is stored of a matrix first, rows last. Substitutions are
unrolled over targets, so that one operation serves all rows and components.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable

import torch
from torch import Tensor

from mdn.distributions.normal import farthest
from mdn.distributions.scale import (
    CovarianceFactor,
    DiagonalScale,
    PrecisionFactor,
    Scale,
    lower_positions,
)


class Form(ABC):
    """The substitutions of one kind of factor A, given its diagonal and lower entries.

    With z the whitened residual, the gradient of lower entry (i, j) is left_i right_j, and that of
    the diagonal left z, less r / std. All but `right` work in place, in what they are given.
    """

    left_is_by_mu: bool
    """Whether the left factor is itself the gradient of the mean."""

    @abstractmethod
    def whiten(self, residual: Tensor, std: Tensor, *lower: Tensor) -> Tensor:
        """The whitened residual, z = A^-1 residual."""

    @abstractmethod
    def left(self, weighted: Tensor, std: Tensor, *lower: Tensor) -> Tensor:
        """The left factor, from r z."""

    @abstractmethod
    def right(self, whitened: Tensor, y: Tensor, mu: Tensor) -> Iterable[Tensor]:
        """The right factor, target by target."""

    @abstractmethod
    def by_mu(self, left: Tensor, *lower: Tensor) -> Tensor:
        """The gradient of the mean, A^-T r z, from the left factor."""


class DiagonalForm(Form):
    """Targets on their own."""

    left_is_by_mu = True

    def whiten(self, residual: Tensor, std: Tensor, *lower: Tensor) -> Tensor:
        return residual.div_(std)

    def left(self, weighted: Tensor, std: Tensor, *lower: Tensor) -> Tensor:
        return weighted.div_(std)

    def right(self, whitened: Tensor, y: Tensor, mu: Tensor) -> Iterable[Tensor]:
        return whitened.unbind()

    def by_mu(self, left: Tensor, *lower: Tensor) -> Tensor:
        return left


class CovarianceForm(Form):
    """Each target's whitened value, times an entry, is taken out of those after it."""

    left_is_by_mu = True

    def whiten(self, residual: Tensor, std: Tensor, *lower: Tensor) -> Tensor:
        entry, rest = entries(residual.shape[0], *lower), list(residual.unbind())
        bound = farthest(residual.dtype)
        for i in range(len(rest)):
            for j in range(i):
                rest[i] = _less(rest[i], entry[i, j], rest[j])
            rest[i] = _over(rest[i], std[i]).clamp_(-bound, bound)
        return _whole(residual, rest)

    def left(self, weighted: Tensor, std: Tensor, *lower: Tensor) -> Tensor:
        entry, rest = entries(weighted.shape[0], *lower), list(weighted.unbind())
        bound = farthest(weighted.dtype)
        for j in reversed(range(len(rest))):
            for i in range(j + 1, len(rest)):
                rest[j] = _less(rest[j], entry[i, j], rest[i])
            rest[j] = _over(rest[j], std[j]).clamp_(-bound, bound)
        return _whole(weighted, rest)

    def right(self, whitened: Tensor, y: Tensor, mu: Tensor) -> Iterable[Tensor]:
        return whitened.unbind()

    def by_mu(self, left: Tensor, *lower: Tensor) -> Tensor:
        return left


class PrecisionForm(Form):
    """Each target itself, times an entry, is taken out of those after it."""

    left_is_by_mu = False

    def whiten(self, residual: Tensor, std: Tensor, *lower: Tensor) -> Tensor:
        entry, rest = entries(residual.shape[0], *lower), list(residual.unbind())
        for i in reversed(range(len(rest))):
            for j in range(i):
                rest[i] = _less(rest[i], entry[i, j], rest[j])
        return _whole(residual, rest).div_(std)

    def left(self, weighted: Tensor, std: Tensor, *lower: Tensor) -> Tensor:
        return weighted.div_(std)

    def right(self, whitened: Tensor, y: Tensor, mu: Tensor) -> Iterable[Tensor]:
        return (each - mean for each, mean in zip(y.unbind(), mu.unbind(), strict=True))

    def by_mu(self, left: Tensor, *lower: Tensor) -> Tensor:
        entry, rest = entries(left.shape[0], *lower), list(left.unbind())
        for j in range(len(rest)):
            for i in range(j + 1, len(rest)):
                rest[j] = _less(rest[j], entry[i, j], rest[i])
        return _whole(left, rest)


FORMS: dict[type[Scale], Form] = {
    DiagonalScale: DiagonalForm(),
    CovarianceFactor: CovarianceForm(),
    PrecisionFactor: PrecisionForm(),
}


def entries(num_targets: int, lower: Tensor) -> dict[tuple[int, int], Tensor]:
    """The strictly lower entries, by row and column."""
    return dict(zip(zip(*lower_positions(num_targets), strict=True), lower.unbind(), strict=True))


# In place where it is run as written; the compiler finds places itself, and of what is written
# into parts of a tensor it makes a hundredfold of the work.


def _less(rest: Tensor, entry: Tensor, other: Tensor) -> Tensor:
    if torch.compiler.is_compiling():
        return torch.addcmul(rest, entry, other, value=-1)
    return rest.addcmul_(entry, other, value=-1)


def _over(rest: Tensor, std: Tensor) -> Tensor:
    return rest / std if torch.compiler.is_compiling() else rest.div_(std)


def _whole(values: Tensor, rows: list[Tensor]) -> Tensor:
    """The tensor whose rows these are, by now or all along."""
    return torch.stack(rows) if torch.compiler.is_compiling() else values

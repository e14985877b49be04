"""How a factor is solved in the closed form, and a gradient pulled back through the solution.

All tensors are [P, K, *rows]: what is stored of a matrix first, rows last. Substitutions are
unrolled over targets, so that one operation serves all rows and components.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable

import torch
from torch import Tensor

from mdn.distributions.lower_entries import lower_positions
from mdn.distributions.normal import farthest


class Substitution(ABC):
    """The solutions with one kind of factor A, given its diagonal and lower entries.

    With z the whitened residual, the gradient of lower entry (i, j) is an outer product,
    row_factor_i column_factor_j, and that of the diagonal is row_factor z, less r / std. All but
    `column_factor` work in place, in what they are given.
    """

    row_factor_is_mean_gradient: bool
    """Whether the row factor is itself the gradient of the mean."""

    @abstractmethod
    def whiten(self, residual: Tensor, std: Tensor, *lower: Tensor) -> Tensor:
        """Return the whitened residual, z = A^-1 residual."""

    @abstractmethod
    def row_factor(self, weighted: Tensor, std: Tensor, *lower: Tensor) -> Tensor:
        """Return the factor of the outer product that its rows have, from r z."""

    @abstractmethod
    def column_factor(self, whitened: Tensor, y: Tensor, mu: Tensor) -> Iterable[Tensor]:
        """Return the factor of the outer product that its columns have, target by target."""

    @abstractmethod
    def mean_gradient(self, row_factor: Tensor, *lower: Tensor) -> Tensor:
        """Return the gradient of the mean, A^-T r z, from the row factor."""


class DiagonalSubstitution(Substitution):
    """Targets on their own."""

    row_factor_is_mean_gradient = True

    def whiten(self, residual: Tensor, std: Tensor, *lower: Tensor) -> Tensor:
        return residual.div_(std)

    def row_factor(self, weighted: Tensor, std: Tensor, *lower: Tensor) -> Tensor:
        return weighted.div_(std)

    def column_factor(self, whitened: Tensor, y: Tensor, mu: Tensor) -> Iterable[Tensor]:
        return whitened.unbind()

    def mean_gradient(self, row_factor: Tensor, *lower: Tensor) -> Tensor:
        return row_factor


class CovarianceSubstitution(Substitution):
    """Each target's whitened value, times an entry, is taken out of those after it."""

    row_factor_is_mean_gradient = True

    def whiten(self, residual: Tensor, std: Tensor, *lower: Tensor) -> Tensor:
        return _solved(residual, std, *lower, first_to_last=True)

    def row_factor(self, weighted: Tensor, std: Tensor, *lower: Tensor) -> Tensor:
        return _solved(weighted, std, *lower, first_to_last=False)

    def column_factor(self, whitened: Tensor, y: Tensor, mu: Tensor) -> Iterable[Tensor]:
        return whitened.unbind()

    def mean_gradient(self, row_factor: Tensor, *lower: Tensor) -> Tensor:
        return row_factor


class PrecisionSubstitution(Substitution):
    """Each target itself, times an entry, is taken out of those after it."""

    row_factor_is_mean_gradient = False

    def whiten(self, residual: Tensor, std: Tensor, *lower: Tensor) -> Tensor:
        entry, rest = _entries(residual.shape[0], *lower), list(residual.unbind())
        for i in reversed(range(len(rest))):
            for j in range(i):
                rest[i] = _less(rest[i], entry[i, j], rest[j])
        return _whole(residual, rest).div_(std)

    def row_factor(self, weighted: Tensor, std: Tensor, *lower: Tensor) -> Tensor:
        return weighted.div_(std)

    def column_factor(self, whitened: Tensor, y: Tensor, mu: Tensor) -> Iterable[Tensor]:
        return (each - mean for each, mean in zip(y.unbind(), mu.unbind(), strict=True))

    def mean_gradient(self, row_factor: Tensor, *lower: Tensor) -> Tensor:
        entry, rest = _entries(row_factor.shape[0], *lower), list(row_factor.unbind())
        for j in range(len(rest)):
            for i in range(j + 1, len(rest)):
                rest[j] = _less(rest[j], entry[i, j], rest[i])
        return _whole(row_factor, rest)


def _solved(values: Tensor, std: Tensor, lower: Tensor, first_to_last: bool) -> Tensor:
    """Solve by forward substitution in A, or by back substitution in its transpose."""
    entry, rest = _entries(values.shape[0], lower), list(values.unbind())
    bound, count = farthest(values.dtype), len(rest)
    for i in range(count) if first_to_last else reversed(range(count)):
        for j in range(i) if first_to_last else range(i + 1, count):
            rest[i] = _less(rest[i], entry[max(i, j), min(i, j)], rest[j])
        rest[i] = _over(rest[i], std[i]).clamp_(-bound, bound)
    return _whole(values, rest)


DIAGONAL = DiagonalSubstitution()
COVARIANCE = CovarianceSubstitution()
PRECISION = PrecisionSubstitution()


def _entries(num_targets: int, lower: Tensor) -> dict[tuple[int, int], Tensor]:
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

"""How each kind of factor is solved, and a gradient pulled back through the solution.

All tensors are [P, K, *rows]: what is stored of a matrix first, rows last. Substitutions are
unrolled over targets, so that one operation serves all rows and components.
"""

from abc import ABC, abstractmethod

import torch
from torch import Tensor

from mdn.scale import (
    CovarianceFactor,
    DiagonalScale,
    PrecisionFactor,
    Scale,
    lower_positions,
    substitution_bound,
)


class Form(ABC):
    """The two substitutions of one kind of factor A, given its diagonal and lower entries."""

    keeps_residual: bool

    @abstractmethod
    def whiten(self, residual: Tensor, std: Tensor, *lower: Tensor) -> Tensor:
        """A^-1 residual."""

    @abstractmethod
    def pull(self, weighted: Tensor, std: Tensor, *lower: Tensor) -> Tensor:
        """A^-T weighted."""

    @abstractmethod
    def factors(
        self, r: Tensor, pulled: Tensor, whitened: Tensor, std: Tensor, *residual: Tensor
    ) -> tuple[Tensor, Tensor]:
        """The gradient of lower entry (i, j) is the first at i times the second at j.

        That of the diagonal is the first times the whitened residual, less r / std.
        """


class DiagonalForm(Form):
    """Targets on their own."""

    keeps_residual = False

    def whiten(self, residual: Tensor, std: Tensor, *lower: Tensor) -> Tensor:
        return residual / std

    def pull(self, weighted: Tensor, std: Tensor, *lower: Tensor) -> Tensor:
        return weighted / std

    def factors(
        self, r: Tensor, pulled: Tensor, whitened: Tensor, std: Tensor, *residual: Tensor
    ) -> tuple[Tensor, Tensor]:
        return pulled, whitened


class CovarianceForm(Form):
    """Each target's whitened value, times an entry, is taken out of those after it."""

    keeps_residual = False

    def whiten(self, residual: Tensor, std: Tensor, *lower: Tensor) -> Tensor:
        entry, solved = entries(residual.shape[0], *lower), []
        bound = substitution_bound(residual.dtype)
        for i, rest in enumerate(residual.unbind()):
            for j in range(i):
                rest = torch.addcmul(rest, entry[i, j], solved[j], value=-1)
            solved.append((rest / std[i]).clamp(-bound, bound))
        return torch.stack(solved)

    def pull(self, weighted: Tensor, std: Tensor, *lower: Tensor) -> Tensor:
        entry, solved = entries(weighted.shape[0], *lower), {}
        bound = substitution_bound(weighted.dtype)
        for j, rest in reversed(list(enumerate(weighted.unbind()))):
            for i in solved:
                rest = torch.addcmul(rest, entry[i, j], solved[i], value=-1)
            solved[j] = (rest / std[j]).clamp(-bound, bound)
        return torch.stack([solved[j] for j in range(weighted.shape[0])])

    def factors(
        self, r: Tensor, pulled: Tensor, whitened: Tensor, std: Tensor, *residual: Tensor
    ) -> tuple[Tensor, Tensor]:
        return pulled, whitened


class PrecisionForm(Form):
    """Each target itself, times an entry, is taken out of those after it."""

    keeps_residual = True

    def whiten(self, residual: Tensor, std: Tensor, *lower: Tensor) -> Tensor:
        entry, known, left = entries(residual.shape[0], *lower), residual.unbind(), []
        for i, rest in enumerate(known):
            for j in range(i):
                rest = torch.addcmul(rest, entry[i, j], known[j], value=-1)
            left.append(rest)
        return torch.stack(left) / std

    def pull(self, weighted: Tensor, std: Tensor, *lower: Tensor) -> Tensor:
        entry, known = entries(weighted.shape[0], *lower), (weighted / std).unbind()
        pulled = []
        for j, rest in enumerate(known):
            for i in range(j + 1, len(known)):
                rest = torch.addcmul(rest, entry[i, j], known[i], value=-1)
            pulled.append(rest)
        return torch.stack(pulled)

    def factors(
        self, r: Tensor, pulled: Tensor, whitened: Tensor, std: Tensor, *residual: Tensor
    ) -> tuple[Tensor, Tensor]:
        return r * whitened / std, residual[0]


FORMS: dict[type[Scale], Form] = {
    DiagonalScale: DiagonalForm(),
    CovarianceFactor: CovarianceForm(),
    PrecisionFactor: PrecisionForm(),
}


def entries(num_targets: int, lower: Tensor) -> dict[tuple[int, int], Tensor]:
    """The strictly lower entries, by row and column."""
    return dict(zip(zip(*lower_positions(num_targets), strict=True), lower.unbind(), strict=True))

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
    """The two substitutions of one kind of factor A, given the inverse of its diagonal."""

    @abstractmethod
    def whiten(self, residual: Tensor, inverse: Tensor, *lower: Tensor) -> tuple[Tensor, Tensor]:
        """A^-1 residual, and the targets that the lower entries multiply in it."""

    @abstractmethod
    def pull(self, weighted: Tensor, inverse: Tensor, *lower: Tensor) -> tuple[Tensor, Tensor]:
        """What each row of lower entries is multiplied by in the gradient, and A^-T weighted."""


class DiagonalForm(Form):
    """Targets on their own."""

    def whiten(self, residual: Tensor, inverse: Tensor, *lower: Tensor) -> tuple[Tensor, Tensor]:
        whitened = residual * inverse
        return whitened, whitened

    def pull(self, weighted: Tensor, inverse: Tensor, *lower: Tensor) -> tuple[Tensor, Tensor]:
        pulled = weighted * inverse
        return pulled, pulled


class CovarianceForm(Form):
    """Each target's whitened value is taken out of those after it."""

    def whiten(self, residual: Tensor, inverse: Tensor, *lower: Tensor) -> tuple[Tensor, Tensor]:
        entry, bound, solved = (
            entries(residual.shape[0], *lower),
            substitution_bound(residual.dtype),
            [],
        )
        for i, rest in enumerate(residual.unbind()):
            for j in range(i):
                rest = torch.addcmul(rest, entry[i, j], solved[j], value=-1)
            solved.append((rest * inverse[i]).clamp(-bound, bound))
        whitened = torch.stack(solved)
        return whitened, whitened

    def pull(self, weighted: Tensor, inverse: Tensor, *lower: Tensor) -> tuple[Tensor, Tensor]:
        entry, bound, solved = (
            entries(weighted.shape[0], *lower),
            substitution_bound(weighted.dtype),
            {},
        )
        for j, rest in reversed(list(enumerate(weighted.unbind()))):
            for i in solved:
                rest = torch.addcmul(rest, entry[i, j], solved[i], value=-1)
            solved[j] = (rest * inverse[j]).clamp(-bound, bound)
        pulled = torch.stack([solved[j] for j in range(weighted.shape[0])])
        return pulled, pulled


class PrecisionForm(Form):
    """Each target itself is taken out of those after it, times its coefficient."""

    def whiten(self, residual: Tensor, inverse: Tensor, *lower: Tensor) -> tuple[Tensor, Tensor]:
        entry, known, unexplained = entries(residual.shape[0], *lower), residual.unbind(), []
        for i, rest in enumerate(known):
            for j in range(i):
                rest = torch.addcmul(rest, entry[i, j], known[j], value=-1)
            unexplained.append(rest)
        return torch.stack(unexplained) * inverse, residual

    def pull(self, weighted: Tensor, inverse: Tensor, *lower: Tensor) -> tuple[Tensor, Tensor]:
        entry, scaled, pulled = entries(weighted.shape[0], *lower), weighted * inverse, []
        known = scaled.unbind()
        for j, rest in enumerate(known):
            for i in range(j + 1, len(known)):
                rest = torch.addcmul(rest, entry[i, j], known[i], value=-1)
            pulled.append(rest)
        return scaled, torch.stack(pulled)


FORMS: dict[type[Scale], Form] = {
    DiagonalScale: DiagonalForm(),
    CovarianceFactor: CovarianceForm(),
    PrecisionFactor: PrecisionForm(),
}


def entries(num_targets: int, lower: Tensor) -> dict[tuple[int, int], Tensor]:
    """The strictly lower entries, by row and column."""
    return dict(zip(zip(*lower_positions(num_targets), strict=True), lower.unbind(), strict=True))

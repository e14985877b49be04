"""The scale of uncorrelated targets."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from mdn.distributions.scale.base import Scale, refuse_subclass
from mdn.distributions.substitution import DIAGONAL, Substitution


@dataclass(frozen=True, eq=False)
class DiagonalScale(Scale):
    """A diagonal factor: one standard deviation per target, or one for all of them.

    Attributes:
        stored: standard deviations, [*batch, K or 1, D or 1]; a length of 1 is shared.
        targets: D, which a shared standard deviation does not tell.
    """

    stored: Float[Tensor, "*batch K P"]
    targets: int

    def __init_subclass__(cls) -> None:
        refuse_subclass("DiagonalScale", cls)

    @property
    def substitution(self) -> Substitution:
        return DIAGONAL

    @property
    def correlated(self) -> bool:
        return False

    @property
    def shape(self) -> str:
        return "isotropic" if self.stored.shape[-1] < self.targets else "diagonal"

    @property
    def num_targets(self) -> int:
        return self.targets

    def whiten(self, residual: Float[Tensor, "*batch K D"]) -> Float[Tensor, "*out K D"]:
        return residual / self.stored

    def color(self, noise: Float[Tensor, "*batch K D"]) -> Float[Tensor, "*out K D"]:
        return noise * self.stored

    def convolved(self, std: float) -> "DiagonalScale":
        return DiagonalScale(torch.hypot(self.stored, self.stored.new_tensor(std)), self.targets)

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

    def masked(self, there: Bool[Tensor, "*rows D"]) -> "DiagonalScale":
        return DiagonalScale(torch.where(there[..., None, :], self.std, 1.0), self.targets)

    def given(self, first: int) -> "DiagonalScale":
        return self.select(range(first, self.targets))

    @property
    def std(self) -> Float[Tensor, "*batch K D"]:
        return self.stored.expand(*self.stored.shape[:-1], self.targets)

    def natural_mean(self, gradient: Float[Tensor, "*batch K D"]) -> Float[Tensor, "*batch K D"]:
        return gradient * self.stored.square()

    def natural_gradient(self, gradient: Sequence[Tensor]) -> tuple[Tensor, ...]:
        sharing = self.targets // self.stored.shape[-1]
        return (gradient[0] * self.stored.square() / (2 * sharing),)

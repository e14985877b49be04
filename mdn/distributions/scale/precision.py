"""The modified Cholesky factor of the precision."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from mdn.distributions.convolved_factor import inverse_columns
from mdn.distributions.lower_entries import lower_entries, lower_positions
from mdn.distributions.scale.base import AnyTriangular, TriangularScale, refuse_subclass
from mdn.distributions.substitution import DIAGONAL, PRECISION, Substitution


@dataclass(frozen=True, eq=False)
class PrecisionFactor(TriangularScale):
    """Each target regressed on those before it: A = (I - B)^-1 diag(s)."""

    def __init_subclass__(cls) -> None:
        refuse_subclass("PrecisionFactor", cls)

    @classmethod
    def from_tril(cls: type[AnyTriangular], tril: Float[Tensor, "*batch K D D"]) -> AnyTriangular:
        diagonal = tril.diagonal(dim1=-2, dim2=-1)
        identity = torch.eye(tril.shape[-1], dtype=tril.dtype, device=tril.device)
        inverse = torch.linalg.solve_triangular(tril, identity.expand_as(tril), upper=False)
        return cls(diagonal, lower_entries(-inverse * diagonal[..., None]))

    @property
    def substitution(self) -> Substitution:
        # One target has no lower entries: every factor is its diagonal.
        return PRECISION if self.num_targets > 1 else DIAGONAL

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

    def _covariance_columns(self, diagonal: Tensor, columns: Sequence[Tensor]) -> Sequence[Tensor]:
        return inverse_columns(diagonal, columns)

    def rescale(self, factor: Float[Tensor, " D"]) -> "PrecisionFactor":
        rows, columns = lower_positions(self.num_targets)
        return PrecisionFactor(
            self.diagonal * factor, self.lower * (factor[rows] / factor[columns])
        )

    def natural_gradient(self, gradient: Sequence[Tensor]) -> tuple[Tensor, ...]:
        std = self.diagonal[..., None]
        identity = torch.eye(self.num_targets, dtype=std.dtype, device=std.device)
        inverse = (identity - self.strict()) / std
        below = std * (PrecisionFactor(*gradient).strict() @ inverse.mT).tril(-1)
        by_diagonal = 0.5 * gradient[0] * self.diagonal.square()
        return by_diagonal, lower_entries(std * below @ inverse)

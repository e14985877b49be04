"""The inverse Fisher information of one Gaussian times a gradient, for each kind of factor.

Let A move by A P for a small lower triangular P. The covariance moves by A (P + P') A', and the
Kullback-Leibler divergence from where it was is half of

    2 sum_i P_ii^2 + sum_{i > j} P_ij^2,

so that in P the Fisher information is 2 on the diagonal and 1 below it. A gradient with respect to
what is stored is taken to P, divided, and the step is taken back to what is stored:

    diagonal             ds_i = s_i P_ii; one s for several targets is as many times as certain
    covariance factor    dL = L P
    precision factor     ds_i = s_i P_ii    dB = diag(s) (P below the diagonal) A^-1

The information about the mean is the inverse covariance; mean and scale share none.
"""

from collections.abc import Sequence
from functools import singledispatch

import torch
from torch import Tensor

from mdn.distributions.scale import CovarianceFactor, DiagonalScale, PrecisionFactor, Scale


@singledispatch
def natural_mean(scale: Scale, gradient: Tensor) -> Tensor:
    """Return the natural gradient of the means, [*batch, K, D]: covariance times gradient."""
    tril = scale.tril()
    return (tril @ (tril.mT @ gradient[..., None])).squeeze(-1)


@natural_mean.register(DiagonalScale)
def _(scale: DiagonalScale, gradient: Tensor) -> Tensor:
    return gradient * scale.stored.square()


@singledispatch
def natural_scale(scale: Scale, gradient: Sequence[Tensor]) -> tuple[Tensor, ...]:
    """Return the natural gradient of what a scale stores, from the gradient of each tensor.

    Raises:
        TypeError: on a kind of scale whose information is not known here.
    """
    raise TypeError(
        f"the Fisher information of a {type(scale).__name__} is not known; register it for "
        "natural_scale, or train with another objective"
    )


@natural_scale.register(DiagonalScale)
def _(scale: DiagonalScale, gradient: Sequence[Tensor]) -> tuple[Tensor, ...]:
    sharing = scale.targets // scale.stored.shape[-1]
    return (gradient[0] * scale.stored.square() / (2 * sharing),)


@natural_scale.register(CovarianceFactor)
def _(scale: CovarianceFactor, gradient: Sequence[Tensor]) -> tuple[Tensor, ...]:
    tril = scale.tril()
    step = (tril.mT @ CovarianceFactor(*gradient).tril()).tril()
    halved = step - 0.5 * step.diagonal(dim1=-2, dim2=-1).diag_embed()
    return CovarianceFactor.from_tril(tril @ halved).tensors()


@natural_scale.register(PrecisionFactor)
def _(scale: PrecisionFactor, gradient: Sequence[Tensor]) -> tuple[Tensor, ...]:
    std = scale.diagonal[..., None]
    identity = torch.eye(scale.num_targets, dtype=std.dtype, device=std.device)
    inverse = (identity - scale.strict()) / std
    below = std * (PrecisionFactor(*gradient).strict() @ inverse.mT).tril(-1)
    by_diagonal = 0.5 * gradient[0] * scale.diagonal.square()
    return by_diagonal, CovarianceFactor.from_tril(std * below @ inverse).lower

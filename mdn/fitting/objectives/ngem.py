"""Natural-gradient EM (Chen, Bayrooti and Morad 2026, arXiv 2602.10602), for every family.

With the component known, a row carries the information pi_k F_k about component k, where F_k is the
Fisher information of its Gaussian, and none about two components together. EM rises along the
inverse of that times the gradient: for a mean, with responsibility r_k,

    (pi_k F_k)^-1 (r_k S_k^-1 (y - mu_k)) = r_k / pi_k (y - mu_k),

and likewise for the scale, see `mdn.distributions.scale`. Over rows whose weights are their mean
responsibilities, such a step of length one is EM's own update of the means, and as for the
covariance, it sets out towards EM's.

The ratio r_k / pi_k is one on average, and without bound where a component has little weight. It is
held by damping d: pi_k + d takes the place of pi_k, times a constant 1 / (1 + d), so that it stays
below (1 + d) / d. Without damping it is the formula; a large d leaves the responsibility alone. All
components inform a scale that they share: its pi is one.

Log weights keep their own gradient, pi - r, which is bounded.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from jaxtyping import Float
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import FunctionCtx, once_differentiable

from mdn.distributions.checks import check_not_negative
from mdn.distributions.mixture import GaussianMixture
from mdn.distributions.scale import Scale
from mdn.fitting.objectives.objective import Objective


@dataclass(frozen=True)
class NaturalGradientEM(Objective):
    """The negative log likelihood in value, EM's direction in its gradient.

    Attributes:
        damping: d above, at least 0.

    Raises:
        ValueError: on a damping out of range.
    """

    damping: float = 1.0

    def __post_init__(self) -> None:
        check_not_negative("damping", self.damping)

    def loss(
        self, mixture: GaussianMixture, y: Float[Tensor, "*rows D"]
    ) -> tuple[Float[Tensor, "*out"], Float[Tensor, "*out"]]:
        loss = -preconditioned(mixture, self.damping).log_prob(y)
        return loss, loss.detach()


def preconditioned(mixture: GaussianMixture, damping: float) -> GaussianMixture:
    """Return the same mixture, through which gradients become natural on their way back."""
    tensors = mixture.mu, *mixture.scale.tensors()
    passed = _Precondition.apply(mixture.scale, damping, mixture.log_pi, *tensors)
    mu, *stored = cast(tuple[Tensor, ...], passed)
    values = iter(stored)
    return GaussianMixture(mixture.log_pi, mu, mixture.scale.map(lambda _: next(values)))


if TYPE_CHECKING:

    class _Context(FunctionCtx):
        scale: Scale
        damping: float
        saved_tensors: tuple[Tensor, ...]
else:
    _Context = object


class _Precondition(Function):
    @staticmethod
    def forward(
        ctx: _Context, scale: Scale, damping: float, log_pi: Tensor, *tensors: Tensor
    ) -> tuple[Tensor, ...]:
        ctx.scale, ctx.damping = scale, damping
        ctx.save_for_backward(log_pi, *tensors)
        return tuple(tensor.view_as(tensor) for tensor in tensors)

    @staticmethod
    def backward(ctx: _Context, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        return None, None, None, *_natural(ctx, *gradients)


@once_differentiable
def _natural(ctx: _Context, by_mu: Tensor, *by_stored: Tensor) -> tuple[Tensor, ...]:
    log_pi, _, *stored = ctx.saved_tensors
    values = iter(stored)
    scale = ctx.scale.map(lambda _: next(values))
    natural = scale.natural_mean(by_mu), *_by_log_std(scale, by_stored)
    return tuple(_shared(gradient, log_pi, ctx.damping) for gradient in natural)


def _by_log_std(scale: Scale, gradient: Sequence[Tensor]) -> tuple[Tensor, ...]:
    """The natural gradient in the log of the standard deviation.

    In s itself it would be s^2 / 2 times the gradient, and hardly move narrow components.
    """
    std, *_ = scale.tensors()
    by_std, *by_lower = scale.natural_gradient(gradient)
    return by_std / std.square(), *by_lower


def _shared(gradient: Tensor, log_pi: Tensor, damping: float) -> Tensor:
    """Divide a gradient [*batch, K or 1, P] by the weight of the components it belongs to."""
    pi = log_pi.exp().sum_to_size(gradient.shape[:-1])[..., None]
    return gradient * ((1 + damping) / (pi + damping))

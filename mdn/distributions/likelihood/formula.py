"""The log density of a mixture from its formula, differentiable any number of times."""

import math

import torch
from jaxtyping import Float
from torch import Tensor

from mdn.distributions.normal import farthest
from mdn.distributions.scale import Scale

LOG_2PI = math.log(2 * math.pi)


def component_log_prob(
    y: Float[Tensor, "*rows D"], mu: Float[Tensor, "*batch K D"], scale: Scale
) -> Float[Tensor, "*out K"]:
    """Return the log density of y under each component, in nats, without the weights."""
    whitened = scale.whiten(y[..., None, :] - mu)
    far = farthest(whitened.dtype)
    distance = whitened.clamp(-far, far).square().sum(-1).clamp(max=far**2)
    return -0.5 * (distance + mu.shape[-1] * LOG_2PI) - scale.log_det()


def plain_log_prob(
    y: Float[Tensor, "*rows D"],
    log_pi: Float[Tensor, "*batch K"],
    mu: Float[Tensor, "*batch K D"],
    scale: Scale,
) -> Float[Tensor, "*out"]:
    """Return the log density of y under the mixture, in nats."""
    return torch.logsumexp(log_pi + component_log_prob(y, mu, scale), -1)


def log_responsibilities(
    y: Float[Tensor, "*rows D"],
    log_pi: Float[Tensor, "*batch K"],
    mu: Float[Tensor, "*batch K D"],
    scale: Scale,
) -> Float[Tensor, "*out K"]:
    """Return the log probability that component k produced y."""
    whitened = scale.whiten_far(y[..., None, :] - mu)
    joint = log_pi - scale.log_det() - 0.5 * _detour(whitened, log_pi)
    # Over the last axis the CPU takes one row at a time, and each costs as much as 16 components.
    return joint.mT.contiguous().log_softmax(-2).mT if joint.ndim > 1 else joint.log_softmax(-1)


def _detour(whitened: Tensor, log_pi: Tensor) -> Tensor:
    """Squared distance of each component, less that of the nearest one that has weight.

    The lengths are divided before they are squared where the squares would overflow.
    """
    longest = whitened.detach().abs().amax((-2, -1))
    unit = (longest / farthest(whitened.dtype)).clamp(min=1)[..., None]
    distance = (whitened / unit[..., None]).square().sum(-1)
    nearest = torch.where(log_pi > -torch.inf, distance, torch.inf).amin(-1, keepdim=True)
    return (distance - nearest).clamp(min=0) * unit * unit

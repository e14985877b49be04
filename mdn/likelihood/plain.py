"""The log density of a mixture from its formula, differentiable any number of times."""

import math

import torch
from jaxtyping import Float
from torch import Tensor

from mdn.scale import Scale

LOG_2PI = math.log(2 * math.pi)


def component_log_prob(
    y: Float[Tensor, "*rows D"], mu: Float[Tensor, "*batch K D"], scale: Scale
) -> Float[Tensor, "*out K"]:
    """Log density of y under each component, in nats, without the weights."""
    distance = scale.whiten(y[..., None, :] - mu).square().sum(-1)
    return -0.5 * (distance + mu.shape[-1] * LOG_2PI) - scale.log_det()


def plain_log_prob(
    y: Float[Tensor, "*rows D"],
    log_pi: Float[Tensor, "*batch K"],
    mu: Float[Tensor, "*batch K D"],
    scale: Scale,
) -> Float[Tensor, "*out"]:
    """Log density of y under the mixture, in nats."""
    return torch.logsumexp(log_pi + component_log_prob(y, mu, scale), -1)


def log_responsibilities(
    y: Float[Tensor, "*rows D"],
    log_pi: Float[Tensor, "*batch K"],
    mu: Float[Tensor, "*batch K D"],
    scale: Scale,
) -> Float[Tensor, "*out K"]:
    """Log probability that component k produced y."""
    joint = log_pi + component_log_prob(y, mu, scale)
    # Over the last axis the CPU takes one row at a time, and each costs as much as 16 components.
    return joint.mT.contiguous().log_softmax(-2).mT if joint.ndim > 1 else joint.log_softmax(-1)

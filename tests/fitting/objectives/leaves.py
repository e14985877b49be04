"""Mixtures whose numbers are leaves, so that gradients can be taken and compared."""

from collections.abc import Callable

import torch
from torch import Tensor

from mdn.distributions.mixture import GaussianMixture


def numbers(mixture: GaussianMixture) -> list[Tensor]:
    return [mixture.log_pi, mixture.mu, *mixture.scale.tensors()]


def leaves(mixture: GaussianMixture) -> GaussianMixture:
    return mixture.map(lambda stored: stored.detach().clone().requires_grad_())


def with_numbers(mixture: GaussianMixture, log_pi: Tensor, mu: Tensor, *stored: Tensor):
    values = iter(stored)
    return GaussianMixture(log_pi, mu, mixture.scale.map(lambda _: next(values)))


def gradients(loss: Callable[[GaussianMixture], Tensor], mixture: GaussianMixture) -> list[Tensor]:
    """Of the sum of the loss, with respect to log_pi, mu and what the scale stores."""
    free = leaves(mixture)
    value = loss(free).sum()
    found = torch.autograd.grad(value, numbers(free), allow_unused=True, materialize_grads=True)
    return list(found)

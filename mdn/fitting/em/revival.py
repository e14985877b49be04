"""Revivals: a component that lost all its rows to the others is put to use elsewhere."""

import math

import torch
from jaxtyping import Float
from torch import Tensor

from mdn.distributions.mixture import GaussianMixture

_LEAST_SHARE = 1e-10


def without_mass(mixture: GaussianMixture) -> list[int]:
    """List the components that have lost practically all their rows."""
    return (mixture.pi < _LEAST_SHARE).nonzero().squeeze(-1).tolist()


def revive(mixture: GaussianMixture, lost: int) -> GaussianMixture:
    """Put a lost component to use as half of what was the heaviest one.

    The halves keep its scale, share its weight, and part by one standard deviation each way along
    the widest column of the factor. This needs no rows, so it is the same on all processes.
    """
    heaviest = int(mixture.log_pi.argmax())
    parent = torch.arange(mixture.num_components, device=mixture.mu.device)
    parent[lost] = heaviest
    log_pi, mu = mixture.log_pi[parent], mixture.mu[parent]
    step = _widest(mixture.scale.take(parent[lost]).tril().squeeze(0))
    mu[heaviest] += step
    mu[lost] -= step
    log_pi[[heaviest, lost]] -= math.log(2)
    scale = mixture.scale.map(lambda stored: stored[parent] if len(stored) > 1 else stored)
    return GaussianMixture(torch.log_softmax(log_pi, -1), mu, scale)


def _widest(tril: Float[Tensor, "D D"]) -> Float[Tensor, " D"]:
    return tril[:, torch.linalg.vector_norm(tril, dim=0).argmax()]

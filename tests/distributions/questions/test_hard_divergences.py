"""Divergences between mixtures of unlike families, against dense Gaussians in numpy."""

import numpy as np
import pytest
import torch
from family_list import FAMILIES, random_raw
from scipy.special import logsumexp

from mdn.distributions.mixture import GaussianMixture


def mixture_of(name: str, components: int, targets: int) -> GaussianMixture:
    raw = random_raw(FAMILIES[name], components=components, targets=targets)
    log_pi = torch.randn(components, dtype=torch.float64).log_softmax(-1)
    mu = torch.randn(components, targets, dtype=torch.float64)
    return GaussianMixture(log_pi, mu, FAMILIES[name].scale(raw, targets))


def divergences(p: GaussianMixture, q: GaussianMixture) -> np.ndarray:
    """Of each component of p from each of q, from dense covariances."""
    sides = [
        list(zip(m.mu.numpy(), m.scale.covariance().expand(*m.mu.shape, -1).numpy(), strict=True))
        for m in (p, q)
    ]
    return np.array([[_divergence(*f, *g) for g in sides[1]] for f in sides[0]])


def _divergence(mu, covariance, other_mu, other):
    away = other_mu - mu
    log_ratio = np.linalg.slogdet(other)[1] - np.linalg.slogdet(covariance)[1]
    trace = np.trace(np.linalg.solve(other, covariance))
    return (trace + away @ np.linalg.solve(other, away) - len(mu) + log_ratio) / 2


@pytest.mark.parametrize("targets", [1, 3])
@pytest.mark.parametrize("q_name", FAMILIES)
@pytest.mark.parametrize("p_name", FAMILIES)
def test_divergence_of_every_family_from_every_other(p_name, q_name, targets):
    p, q = mixture_of(p_name, 3, targets), mixture_of(q_name, 2, targets)
    pi, log_pi, other = p.pi.numpy(), p.log_pi.numpy(), q.log_pi.numpy()
    within = logsumexp(log_pi - divergences(p, p), axis=-1)
    across = logsumexp(other - divergences(p, q), axis=-1)
    expected = pi @ (within - across)
    assert p.kl_to(q).item() == pytest.approx(expected, rel=1e-9, abs=1e-9)

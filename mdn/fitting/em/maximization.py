"""The M-step: statistics in, the mixture that maximizes the expected log likelihood out."""

import torch

from mdn.distributions.families import Family
from mdn.distributions.mixture import GaussianMixture
from mdn.fitting.em.statistics import Statistics


def m_step(statistics: Statistics, family: Family) -> GaussianMixture:
    """Return the mixture of the family that fits the statistics best, its scales floored.

    A component without mass stays where it was measured from, on the floor.
    """
    smallest = torch.finfo(statistics.mass.dtype).tiny
    mass = statistics.mass.clamp(min=smallest)
    pi = mass / mass.sum()
    step = statistics.first / mass[:, None]
    covariance = statistics.second / mass[:, None, None] - step[:, :, None] * step[:, None, :]
    scale = family.project(covariance, pi)
    return GaussianMixture(pi.clamp(min=smallest).log(), statistics.about + step, scale)

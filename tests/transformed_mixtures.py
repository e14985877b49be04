"""Mixtures on other scales, and their densities by scipy and by quadrature."""

import itertools

import numpy as np
import torch
from scipy import integrate, stats

from mdn.distributions.mixture import GaussianMixture
from mdn.distributions.scale import CovarianceFactor, DiagonalScale
from mdn.distributions.transformed.log_scales import LogitTransform, LogTransform
from mdn.distributions.transformed.mixture import TransformedMixture
from mdn.distributions.transformed.transforms import Identity

F64 = torch.float64
PI, MU, SIGMA = [0.3, 0.6, 0.1], [0.2, 1.5, -1.0], [0.5, 0.15, 1.2]
ONE_TARGET = {
    "log": LogTransform(),
    "log, shifted": LogTransform(-3.0),
    "logit": LogitTransform(),
    "logit, other ends": LogitTransform(-2.0, 40.0),
}
LOG, LOGIT, ONE = LogTransform(), LogitTransform(0.0, 2.0), Identity()
TWO_TARGETS = {
    "log, identity": (LOG, ONE),
    "identity, log": (ONE, LogTransform(1.0)),
    "log, log": (LOG, LOG),
    "logit, identity": (LOGIT, ONE),
    "log, logit": (LOG, LOGIT),
    "logit, log": (LOGIT, LOG),
}


def one_target(transform):
    mu, sigma = (torch.tensor(v, dtype=F64)[:, None] for v in (MU, SIGMA))
    base = GaussianMixture(torch.tensor(PI, dtype=F64).log(), mu, DiagonalScale(sigma, 1), ("y",))
    return TransformedMixture(base, (transform,))


def two_targets(transforms):
    tril = torch.tensor([[[0.5, 0], [0.3, 0.4]], [[0.6, 0], [-0.5, 0.2]]], dtype=F64)
    mu = torch.tensor([[0.0, 1.0], [0.5, -1.0]], dtype=F64)
    log_pi = torch.tensor([0.4, 0.6], dtype=F64).log()
    base = GaussianMixture(log_pi, mu, CovarianceFactor.from_tril(tril), ("a", "b"))
    return TransformedMixture(base, transforms)


def density(transform, y):
    """The density of `one_target` by scipy and the change of variables."""
    if isinstance(transform, LogTransform):
        parts = [
            stats.lognorm.pdf(y, sigma, transform.low, np.exp(mu))
            for mu, sigma in zip(MU, SIGMA, strict=True)
        ]
        return np.array(PI) @ np.array(parts)
    share = (y - transform.low) / (transform.high - transform.low)
    z = np.log(share / (1 - share))
    slope = 1 / (share * (1 - share) * (transform.high - transform.low))
    parts = [stats.norm.pdf(z, mu, sigma) for mu, sigma in zip(MU, SIGMA, strict=True)]
    return slope * (np.array(PI) @ np.array(parts))


def integral(mixture, function, low=None, high=None):
    """The integral of a function between two values, in pieces that quantiles end."""
    ends = mixture.transforms[0].support
    low, high = ends[0] if low is None else low, ends[1] if high is None else high
    levels = [1e-9, 1e-6, 1e-4, 0.01, 0.1, 0.3, 0.5, 0.7, 0.9, 0.99, 1 - 1e-4, 1 - 1e-6, 1 - 1e-9]
    inner = [q for q in mixture.quantile(levels).flatten().tolist() if low < q < high]
    edges = [low, *inner, min(high, mixture.icdf([[1e-25]], upper=True).item())]
    pieces = itertools.pairwise(edges)
    return sum(
        integrate.quad(function, *sorted(piece), epsabs=1e-13, epsrel=1e-12, limit=200)[0]
        for piece in pieces
    )
